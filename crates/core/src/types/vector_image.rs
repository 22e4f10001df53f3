//! A vector set as log and snapshot hold it, and the changes to one.
//!
//! These are there without the feature `vector-sets` too, because what the log can say must not depend on how a program was built: a
//! build without vector sets refuses a store that has some, by name, instead of taking the effects after them for others.
use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::effect::{Blob, Words, on};

/// How a set keeps the components of its vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Quantization {
    /// As they are: 4 bytes each. `NOQUANT`.
    None,
    /// As whole numbers from -127 to 127, times a factor that each vector has: 1 byte each. `Q8`.
    #[default]
    Q8,
    /// Only whether they are positive: a bit each. `BIN`.
    Binary,
}

impl Quantization {
    /// Redis's word, as `VINFO` gives it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Quantization::None => "f32",
            Quantization::Q8 => "int8",
            Quantization::Binary => "bin",
        }
    }

    /// Redis's word for asking for it.
    const fn option(self) -> &'static str {
        match self {
            Quantization::None => "NOQUANT",
            Quantization::Q8 => "Q8",
            Quantization::Binary => "BIN",
        }
    }

    /// How many bytes a vector takes as an image.
    pub const fn packed_bytes(self, dimensions: usize) -> usize {
        match self {
            Quantization::None => dimensions.saturating_mul(4),
            Quantization::Q8 => dimensions,
            Quantization::Binary => dimensions.div_ceil(64) * 8,
        }
    }
}

/// What all vectors of a set have in common. It is settled by the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// How many components a vector has.
    pub dimensions: u32,
    /// How many it has before it is projected (`REDUCE`); 0 if the set projects none.
    pub input_dimensions: u32,
    /// How components are kept.
    pub quantization: Quantization,
    /// How many neighbours a vector looks for at each level; at the lowest it may have twice as many. `M`.
    pub links: u16,
    /// A number that tells the set from others.
    pub uid: u64,
}

impl Shape {
    /// Whether a vector of so many components is projected before it is kept or looked for.
    pub const fn projects(&self, components: usize) -> bool {
        self.input_dimensions > 0 && self.input_dimensions as usize == components
    }
}

/// A vector of length 1, as a set keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackedVector<'a> {
    /// Its components as the set's [`Quantization`] has them: floats and 64-bit words in little-endian order, bytes, or bits from the
    /// lowest of each word on.
    #[serde(borrow)]
    pub components: Blob<'a>,
    /// What 127 stands for with [`Quantization::Q8`].
    pub range: f32,
    /// The length that it had.
    pub norm: f32,
}

/// A change to a vector set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum VectorChange<'a> {
    /// An element has this vector: a new one, or one that had another.
    Add {
        /// What the set is like, which this may be the first element of.
        shape: Shape,
        /// The element.
        #[serde(borrow)]
        element: Blob<'a>,
        /// Its vector.
        #[serde(borrow)]
        vector: PackedVector<'a>,
        /// How many candidates its neighbours are chosen from, so that replay looks as long for them.
        effort: u32,
    },
    /// An element is gone.
    Remove {
        /// The element.
        #[serde(borrow)]
        element: Blob<'a>,
    },
    /// An element has these attributes; empty for none.
    SetAttributes {
        /// The element.
        #[serde(borrow)]
        element: Blob<'a>,
        /// The attributes, which should be JSON.
        #[serde(borrow)]
        attributes: Blob<'a>,
    },
}

/// A whole vector set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VectorSetImage<'a> {
    /// What its vectors have in common.
    pub shape: Shape,
    /// How many vectors were ever added.
    pub added: u64,
    /// Its elements.
    #[serde(borrow)]
    pub elements: Vec<ElementImage<'a>>,
}

/// An element of a vector set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ElementImage<'a> {
    /// Its name.
    #[serde(borrow)]
    pub name: Blob<'a>,
    /// Its vector.
    #[serde(borrow)]
    pub vector: PackedVector<'a>,
    /// Its attributes; empty for none.
    #[serde(borrow)]
    pub attributes: Blob<'a>,
    /// At each level that it has, the lowest first, its neighbours as places among the elements. Finding them again would take far longer
    /// than reading them.
    pub links: Vec<Vec<u32>>,
}

impl PackedVector<'_> {
    fn into_owned(self) -> PackedVector<'static> {
        PackedVector { components: self.components.into_owned(), ..self }
    }

    /// The vector with the length that it had, as far as its quantization kept it.
    pub fn unpack(&self, quantization: Quantization, dimensions: usize) -> Vec<f32> {
        let scale = |component: f32| component * self.norm;
        let bytes = &*self.components;
        match quantization {
            Quantization::None => {
                bytes.as_chunks::<4>().0.iter().map(|word| scale(f32::from_le_bytes(*word))).collect()
            }
            Quantization::Q8 => {
                bytes.iter().map(|&code| scale(f32::from(code.cast_signed()) * self.range / 127.0)).collect()
            }
            Quantization::Binary => (0..dimensions)
                .map(|at| bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1))
                .map(|is_positive| if is_positive { 1.0 } else { -1.0 })
                .collect(),
        }
    }
}

impl VectorChange<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> VectorChange<'static> {
        use VectorChange as Change;
        match self {
            Change::Add { shape, element, vector, effort } => {
                Change::Add { shape, element: element.into_owned(), vector: vector.into_owned(), effort }
            }
            Change::Remove { element } => Change::Remove { element: element.into_owned() },
            Change::SetAttributes { element, attributes } => {
                Change::SetAttributes { element: element.into_owned(), attributes: attributes.into_owned() }
            }
        }
    }

    /// The command of Redis that does the same to `key`. A vector that was projected goes as it is kept: a set that is made this way
    /// does not know how many components it had before.
    pub fn to_command<'a>(&'a self, key: &'a [u8]) -> Words<'a> {
        match self {
            VectorChange::Add { shape, element, vector, effort } => {
                let mut words = add_command(key, shape, element, vector, &[]);
                words.extend([word(b"EF"), Cow::Owned(effort.to_string().into_bytes())]);
                words
            }
            VectorChange::Remove { element } => on("VREM", key, [word(element)]),
            VectorChange::SetAttributes { element, attributes } => {
                on("VSETATTR", key, [word(element), word(attributes)])
            }
        }
    }
}

fn word(bytes: &[u8]) -> Cow<'_, [u8]> {
    Cow::Borrowed(bytes)
}

fn add_command<'a>(
    key: &'a [u8],
    shape: &Shape,
    element: &'a [u8],
    vector: &PackedVector<'_>,
    attributes: &'a [u8],
) -> Words<'a> {
    let components = vector.unpack(shape.quantization, shape.dimensions as usize);
    let blob = components.iter().flat_map(|component| component.to_le_bytes()).collect();
    let links = Cow::Owned(shape.links.to_string().into_bytes());
    let mut words = on("VADD", key, [word(b"FP32"), Cow::Owned(blob), word(element)]);
    words.extend([word(shape.quantization.option().as_bytes()), word(b"M"), links]);
    if !attributes.is_empty() {
        words.extend([word(b"SETATTR"), word(attributes)]);
    }
    words
}

impl VectorSetImage<'_> {
    /// The same, borrowed from nobody.
    pub fn into_owned(self) -> VectorSetImage<'static> {
        let element = |element: ElementImage<'_>| ElementImage {
            name: element.name.into_owned(),
            vector: element.vector.into_owned(),
            attributes: element.attributes.into_owned(),
            links: element.links,
        };
        VectorSetImage { elements: self.elements.into_iter().map(element).collect(), ..self }
    }

    /// Redis's commands that make this set.
    pub fn to_commands<'a>(&'a self, key: &'a [u8]) -> Vec<Words<'a>> {
        let add = |element: &'a ElementImage<'a>| {
            add_command(key, &self.shape, &element.name, &element.vector, &element.attributes)
        };
        self.elements.iter().map(add).collect()
    }
}
