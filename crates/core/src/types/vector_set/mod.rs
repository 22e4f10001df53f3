//! Elements with vectors, found by how near they are to a vector.
//!
//! Elements have places from 0 on without a gap: names, vectors and the graph of neighbours are kept by place, and the last element takes
//! the place of one that goes.
mod filter;
mod graph;
mod projection;
mod vectors;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

pub use filter::Filter;
use graph::{Admission, Graph, Near, Nearest};
pub use projection::{MAX_PROJECTED, MAX_REDUCED, project};
pub use vectors::Vector;

use super::vector_image::{ElementImage, Shape, VectorChange, VectorSetImage};
use super::{Encoding, TypeSettings};
use crate::Random;
use crate::effect::Blob;
use crate::memory::block_bytes;
use crate::types::stream::tree_bytes;

/// How many neighbours a vector looks for unless it is said: `M`.
pub const DEFAULT_LINKS: u16 = 16;
/// How many candidates a new vector's neighbours are chosen from unless it is said: `EF` of `VADD`.
pub const DEFAULT_BUILD_EFFORT: u32 = 200;

/// An element.
#[derive(Clone, Debug, PartialEq)]
struct Element {
    name: Arc<[u8]>,
    vector: Vector,
    attributes: Option<Box<[u8]>>,
}

/// Elements with vectors.
#[derive(Clone, Debug, Default)]
pub struct VectorSet {
    shape: Shape,
    elements: Vec<Element>,
    places: BTreeMap<Arc<[u8]>, u32>,
    graph: Graph,
    /// How many vectors were ever added.
    added: u64,
    /// How many elements have attributes.
    attributed: usize,
    /// What elements point to.
    element_bytes: usize,
}

/// Two sets are equal if they have the same elements, whatever their graphs look like.
impl PartialEq for VectorSet {
    fn eq(&self, other: &Self) -> bool {
        let same = |(name, &place): (&Arc<[u8]>, &u32)| {
            let found = other.places.get(name).map(|&place| &other.elements[place as usize]);
            found == Some(&self.elements[place as usize])
        };
        self.shape == other.shape && self.len() == other.len() && self.places.iter().all(same)
    }
}

/// What a search is to do.
#[derive(Clone, Copy, Debug)]
pub struct Search<'f> {
    /// How many elements to find.
    pub count: usize,
    /// How many candidates to keep while looking for them.
    pub effort: usize,
    /// Which elements may be found.
    pub filter: Option<&'f Filter>,
    /// After how many elements that the filter was asked about to stop.
    pub filter_effort: usize,
    /// The greatest distance of what is found.
    pub farthest: f32,
    /// A look at every element, so that the nearest are found for sure.
    pub is_exact: bool,
}

/// An element that a search has found.
#[derive(Clone, Copy, Debug)]
pub struct Found<'s> {
    /// Its name.
    pub element: &'s [u8],
    /// How alike the vectors are, from 0 for opposite to 1 for the same direction.
    pub score: f64,
    /// Its attributes.
    pub attributes: Option<&'s [u8]>,
}

/// How alike vectors are at a distance.
fn score(distance: f32) -> f64 {
    1.0 - f64::from(distance) / 2.0
}

impl Element {
    fn allocated_bytes(&self) -> usize {
        const COUNTS: usize = 2 * size_of::<usize>();
        block_bytes(COUNTS + self.name.len())
            + self.vector.allocated_bytes()
            + self.attributes.as_ref().map_or(0, |attributes| block_bytes(attributes.len()))
    }
}

impl VectorSet {
    /// How many elements it has.
    pub fn len(&self) -> usize {
        self.elements.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.elements.is_empty()
    }

    /// Redis's modules have one word for all of their types.
    pub const fn encoding(&self) -> Encoding {
        Encoding::Raw
    }

    /// What its vectors have in common.
    pub const fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How many vectors were ever added.
    pub const fn added(&self) -> u64 {
        self.added
    }

    /// How many elements have attributes.
    pub const fn attributed(&self) -> usize {
        self.attributed
    }

    /// The highest level of its graph.
    pub fn max_level(&self) -> usize {
        self.graph.max_level()
    }

    fn dimensions(&self) -> usize {
        self.shape.dimensions as usize
    }

    fn element(&self, name: &[u8]) -> Option<&Element> {
        self.places.get(name).map(|&place| &self.elements[place as usize])
    }

    /// Whether there is such an element.
    pub fn contains(&self, name: &[u8]) -> bool {
        self.places.contains_key(name)
    }

    /// An element's vector.
    pub fn vector(&self, name: &[u8]) -> Option<&Vector> {
        self.element(name).map(|element| &element.vector)
    }

    /// An element's vector, with the length that it had, as far as the set kept it.
    pub fn unpacked(&self, name: &[u8]) -> Option<Vec<f32>> {
        let image = self.vector(name)?.image();
        Some(image.unpack(self.shape.quantization, self.dimensions()))
    }

    /// An element's attributes, if it has some.
    pub fn attributes(&self, name: &[u8]) -> Option<&[u8]> {
        self.element(name)?.attributes.as_deref()
    }

    /// An element, each equally likely.
    pub fn random(&self, random: &Random) -> Option<&[u8]> {
        if self.is_empty() {
            return None;
        }
        Some(&self.elements[random.below(self.len() as u64) as usize].name)
    }

    /// The names, in no order.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.elements.iter().map(|element| &*element.name)
    }

    /// The names between two, in order.
    pub fn range<'s>(&'s self, start: Bound<&[u8]>, end: Bound<&[u8]>) -> impl Iterator<Item = &'s [u8]> {
        let is_empty = match (start, end) {
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (
                Bound::Included(start) | Bound::Excluded(start),
                Bound::Included(end) | Bound::Excluded(end),
            ) => start >= end,
            _ => false,
        };
        let bounds = if is_empty { (Bound::Unbounded, Bound::Unbounded) } else { (start, end) };
        let all = self.places.range::<[u8], _>(bounds).map(|(name, _)| &**name);
        all.take(if is_empty { 0 } else { usize::MAX })
    }

    /// An element's neighbours in the graph, with their scores, at each of its levels from the highest on.
    pub fn links(&self, name: &[u8]) -> Option<Vec<Vec<(&[u8], f64)>>> {
        let &place = self.places.get(name)?;
        let neighbour = |&other: &u32| {
            let distance = self.distance(place, other);
            (&*self.elements[other as usize].name, score(distance))
        };
        Some(self.graph.links(place).rev().map(|links| links.iter().map(neighbour).collect()).collect())
    }

    fn distance(&self, one: u32, other: u32) -> f32 {
        let [one, other] = [one, other].map(|place| &self.elements[place as usize].vector);
        one.distance(other, self.dimensions())
    }

    /// The elements whose vectors are most like one, the most alike first.
    pub fn search(&self, vector: &Vector, search: &Search<'_>) -> Vec<Found<'_>> {
        let distance = |place: u32| vector.distance(&self.elements[place as usize].vector, self.dimensions());
        let admits = |place: u32| {
            let attributes = self.elements[place as usize].attributes.as_deref();
            search.filter.is_none_or(|filter| attributes.is_some_and(|attributes| filter.admits(attributes)))
        };
        let count = search.count.min(self.len());
        let nearest = if search.is_exact {
            let mut nearest = Nearest::new(count);
            for place in (0..self.len() as u32).filter(|&place| admits(place)) {
                nearest.push(Near { place, distance: distance(place) });
            }
            nearest.into_sorted()
        } else {
            let mut asked = 0;
            self.graph.search(search.effort.max(count), distance, |place| {
                asked += 1;
                if search.filter.is_some() && asked > search.filter_effort {
                    Admission::Stop
                } else if admits(place) {
                    Admission::Take
                } else {
                    Admission::PassOver
                }
            })
        };
        let near_enough = nearest.into_iter().take_while(|near| near.distance <= search.farthest);
        near_enough.take(count).map(|near| self.found(near)).collect()
    }

    fn found(&self, near: Near) -> Found<'_> {
        let element = &self.elements[near.place as usize];
        let attributes = element.attributes.as_deref();
        Found { element: &element.name, score: score(near.distance), attributes }
    }

    /// The level of an element, which follows from its name: each level has one in [`Shape::links`] of those of the level below.
    fn level(&self, name: &[u8], settings: &TypeSettings) -> usize {
        const STEPS: f64 = (1_u64 << 53) as f64;
        let chance = ((settings.hash_seed.hash(name) >> 11) + 1) as f64 / STEPS;
        (-chance.ln() / f64::from(self.shape.links.max(2)).ln()) as usize
    }

    /// Gives an element a vector, after a look at so many candidates for its neighbours. What set this is must have been settled, and
    /// the vector must be one of its shape.
    fn insert(&mut self, name: &[u8], vector: Vector, effort: u32, settings: &TypeSettings) {
        let replaced = self.take(name);
        let attributes = replaced.and_then(|element| element.attributes);
        self.attributed += usize::from(attributes.is_some());
        let (level, dimensions) = (self.level(name, settings), self.dimensions());
        let element = Element { name: name.into(), vector, attributes };
        self.element_bytes += element.allocated_bytes();
        self.places.insert(element.name.clone(), self.elements.len() as u32);
        self.elements.push(element);
        self.added += 1;
        let Self { elements, graph, .. } = self;
        graph.push(level, effort as usize, &|one, other| {
            elements[one as usize].vector.distance(&elements[other as usize].vector, dimensions)
        });
    }

    /// Takes an element away.
    fn take(&mut self, name: &[u8]) -> Option<Element> {
        let place = self.places.remove(name)?;
        let dimensions = self.dimensions();
        let Self { elements, graph, .. } = self;
        graph.swap_remove(place, &|one, other| {
            elements[one as usize].vector.distance(&elements[other as usize].vector, dimensions)
        });
        let element = self.elements.swap_remove(place as usize);
        if let Some(moved) = self.elements.get(place as usize)
            && let Some(number) = self.places.get_mut(&*moved.name)
        {
            *number = place;
        }
        if self.elements.len() * 4 < self.elements.capacity() {
            self.elements.shrink_to(self.elements.len() * 2);
        }
        self.attributed -= usize::from(element.attributes.is_some());
        self.element_bytes -= element.allocated_bytes();
        Some(element)
    }

    /// Gives an element attributes, or none if they are empty. False if there is no such element.
    fn set_attributes(&mut self, name: &[u8], attributes: &[u8]) -> bool {
        let Some(&place) = self.places.get(name) else { return false };
        let element = &mut self.elements[place as usize];
        self.element_bytes -= element.allocated_bytes();
        self.attributed -= usize::from(element.attributes.is_some());
        element.attributes = (!attributes.is_empty()).then(|| attributes.into());
        self.attributed += usize::from(element.attributes.is_some());
        self.element_bytes += element.allocated_bytes();
        true
    }

    /// Makes a change. False, and nothing has changed, if it does not fit what is there.
    pub fn apply(&mut self, change: &VectorChange<'_>, settings: &TypeSettings) -> bool {
        match change {
            VectorChange::Add { shape, element, vector, effort } => {
                let is_shape = is_shape(shape) && (self.is_empty() || *shape == self.shape);
                let vector = Vector::from_image(vector, shape.quantization, shape.dimensions as usize);
                let Some(vector) = vector.filter(|_| is_shape) else { return false };
                self.settle(*shape);
                self.insert(element, vector, *effort, settings);
                true
            }
            VectorChange::Remove { element } => self.take(element).is_some(),
            VectorChange::SetAttributes { element, attributes } => self.set_attributes(element, attributes),
        }
    }

    /// Makes this a set of a shape, if nothing is in it yet.
    fn settle(&mut self, shape: Shape) {
        if self.is_empty() {
            *self = Self { shape, graph: Graph::new(usize::from(shape.links)), ..Self::default() };
        }
    }

    /// The changes that take back what `change` is going to do, in order.
    pub fn way_back(&self, change: &VectorChange<'_>) -> Vec<VectorChange<'static>> {
        let (VectorChange::Add { element: name, .. }
        | VectorChange::Remove { element: name }
        | VectorChange::SetAttributes { element: name, .. }) = change;
        let owned = || name.clone().into_owned();
        let Some(element) = self.element(name) else {
            return match change {
                VectorChange::Add { .. } => vec![VectorChange::Remove { element: owned() }],
                VectorChange::Remove { .. } | VectorChange::SetAttributes { .. } => Vec::new(),
            };
        };
        let add = || VectorChange::Add {
            shape: self.shape,
            element: owned(),
            vector: element.vector.image(),
            effort: DEFAULT_BUILD_EFFORT,
        };
        let attributes = element.attributes.as_deref().unwrap_or_default().to_vec();
        let set = VectorChange::SetAttributes { element: owned(), attributes: attributes.into() };
        match change {
            VectorChange::Add { .. } => vec![add()],
            VectorChange::Remove { .. } => vec![add(), set],
            VectorChange::SetAttributes { .. } => vec![set],
        }
    }

    pub(super) fn allocated_bytes(&self) -> usize {
        block_bytes(self.elements.capacity() * size_of::<Element>())
            + tree_bytes::<Arc<[u8]>, u32>(self.places.len())
            + self.graph.allocated_bytes()
            + self.element_bytes
    }

    pub(super) fn recounted_bytes(&self) -> usize {
        let elements: usize = self.elements.iter().map(Element::allocated_bytes).sum();
        self.allocated_bytes() - self.element_bytes - self.graph.allocated_bytes()
            + elements
            + self.graph.recounted_bytes()
    }

    /// About how many blocks of memory have to be freed with it.
    pub(super) fn allocations(&self) -> usize {
        4 * self.len()
    }

    /// The whole of it.
    pub fn image<'s>(&'s self) -> VectorSetImage<'s> {
        let element = |(place, element): (usize, &'s Element)| ElementImage {
            name: Blob::from(&*element.name),
            vector: element.vector.image(),
            attributes: Blob::from(element.attributes.as_deref().unwrap_or_default()),
            links: self.graph.links(place as u32).map(<[u32]>::to_vec).collect(),
        };
        let elements = self.elements.iter().enumerate().map(element).collect();
        VectorSetImage { shape: self.shape, added: self.added, elements }
    }

    /// The set that an image shows; `None` if it contradicts itself.
    pub fn from_image(image: &VectorSetImage<'_>) -> Option<Self> {
        let shape = image.shape;
        let mut set = Self { shape, added: image.added, ..Self::default() };
        if !is_shape(&shape) || u32::try_from(image.elements.len()).is_err() {
            return None;
        }
        for ElementImage { name, vector, attributes, .. } in &image.elements {
            let vector = Vector::from_image(vector, shape.quantization, shape.dimensions as usize)?;
            let attributes: Option<Box<[u8]>> = (!attributes.is_empty()).then(|| (**attributes).into());
            set.attributed += usize::from(attributes.is_some());
            let element = Element { name: (**name).into(), vector, attributes };
            set.element_bytes += element.allocated_bytes();
            if set.places.insert(element.name.clone(), set.elements.len() as u32).is_some() {
                return None;
            }
            set.elements.push(element);
        }
        let links = image.elements.iter().map(|element| &*element.links);
        set.graph = Graph::from_links(usize::from(shape.links), links)?;
        Some(set)
    }
}

/// Whether there can be a set of this shape.
fn is_shape(shape: &Shape) -> bool {
    shape.dimensions > 0 && shape.links > 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::vector_image::Quantization;

    const FORMS: [Quantization; 3] = [Quantization::None, Quantization::Q8, Quantization::Binary];

    fn shape(quantization: Quantization) -> Shape {
        Shape { dimensions: 3, input_dimensions: 0, quantization, links: 4, uid: 1 }
    }

    fn add(name: &str, components: [i8; 3], quantization: Quantization) -> VectorChange<'static> {
        let vector = Vector::new(&components.map(f32::from), quantization).unwrap().image();
        let element = name.as_bytes().to_vec().into();
        VectorChange::Add { shape: shape(quantization), element, vector, effort: 20 }
    }

    fn change(kind: u8, name: u8, components: [i8; 3], quantization: Quantization) -> VectorChange<'static> {
        let name = format!("e{}", name % 40);
        let element = || Blob::from(name.as_bytes().to_vec());
        match kind % 6 {
            0..=2 => add(&name, components, quantization),
            3 => VectorChange::Remove { element: element() },
            4 => VectorChange::SetAttributes { element: element(), attributes: b"{}".to_vec().into() },
            _ => VectorChange::SetAttributes { element: element(), attributes: Vec::new().into() },
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_set_holds_what_a_map_would_and_each_change_has_its_way_back(
            form in 0_usize..3, steps in prop::collection::vec(any::<(u8, u8, [i8; 3])>(), 1..150)
        ) {
            let (settings, mut set) = (TypeSettings::default(), VectorSet::default());
            let mut model = BTreeMap::<Vec<u8>, (Vec<f32>, Option<Vec<u8>>)>::new();
            for (kind, name, components) in steps {
                let change = change(kind, name, components, FORMS[form]);
                let before = set.clone();
                let way_back = set.way_back(&change);
                let is_changed = set.apply(&change, &settings);
                let expected = match &change {
                    VectorChange::Add { element, vector, .. } => {
                        let entry = model.entry(element.to_vec()).or_default();
                        entry.0 = vector.unpack(FORMS[form], 3);
                        true
                    }
                    VectorChange::Remove { element } => model.remove(&**element).is_some(),
                    VectorChange::SetAttributes { element, attributes } => {
                        let attributes = (!attributes.is_empty()).then(|| attributes.to_vec());
                        model.get_mut(&**element).map(|entry| entry.1 = attributes).is_some()
                    }
                };
                prop_assert_eq!(is_changed, expected);
                let mut undone = set.clone();
                for step in &way_back {
                    prop_assert!(undone.apply(step, &settings) || !is_changed);
                }
                if is_changed && !before.is_empty() {
                    prop_assert_eq!(&undone, &before);
                }
                prop_assert_eq!(set.allocated_bytes(), set.recounted_bytes());
                prop_assert_eq!(set.attributed(), model.values().filter(|entry| entry.1.is_some()).count());
            }
            prop_assert!(set.range(Bound::Unbounded, Bound::Unbounded).eq(model.keys().map(Vec::as_slice)));
            for (name, (vector, attributes)) in &model {
                prop_assert_eq!(&set.unpacked(name).unwrap(), vector);
                prop_assert_eq!(set.attributes(name), attributes.as_deref());
            }
            let image = set.image();
            if !set.is_empty() {
                let read = VectorSet::from_image(&image).unwrap();
                prop_assert_eq!(&read, &set);
                prop_assert_eq!(read.image(), image);
                prop_assert_eq!(read.allocated_bytes(), read.recounted_bytes());
            }
        }
    }

    #[test]
    fn what_contradicts_itself_is_no_set() {
        let settings = TypeSettings::default();
        let mut set = VectorSet::default();
        for (name, components) in [("a", [1, 2, 3]), ("b", [1, 2, 4]), ("c", [-1, 2, 4])] {
            assert!(set.apply(&add(name, components, Quantization::Q8), &settings));
        }
        let spoilt: [fn(&mut VectorSetImage<'_>); 6] = [
            |image| image.shape.dimensions = 4,
            |image| image.shape.links = 0,
            |image| image.elements[1].name = image.elements[0].name.clone(),
            |image| image.elements[0].links[0] = vec![7],
            |image| image.elements[0].links[0].clear(),
            |image| image.elements[2].vector.norm = f32::NAN,
        ];
        for (at, spoil) in spoilt.into_iter().enumerate() {
            let mut image = set.image();
            spoil(&mut image);
            assert_eq!(VectorSet::from_image(&image), None, "{at}");
        }
        let other = add("d", [1, 2, 3], Quantization::None);
        assert!(!set.apply(&other, &settings), "it is of another form");
    }

    #[test]
    fn the_same_changes_make_the_same_graph_and_effort_is_a_part_of_them() {
        let settings = TypeSettings::default();
        let built = |effort: u32| {
            let (random, mut set) = (Random::from_seed(11), VectorSet::default());
            for number in 0..400 {
                let component = || random.below(255) as i8;
                let mut change =
                    add(&number.to_string(), [component(), component(), component()], Quantization::Q8);
                if let VectorChange::Add { effort: of_change, .. } = &mut change {
                    *of_change = effort;
                }
                assert!(set.apply(&change, &settings));
            }
            set
        };
        let links = |set: &VectorSet| {
            set.image().elements.into_iter().map(|element| element.links).collect::<Vec<_>>()
        };
        assert_eq!(links(&built(4)), links(&built(4)));
        assert_ne!(links(&built(4)), links(&built(200)));
    }

    #[test]
    fn ends_of_ranges_may_be_in_the_wrong_order() {
        let settings = TypeSettings::default();
        let mut set = VectorSet::default();
        for name in ["a", "b", "c"] {
            set.apply(&add(name, [1, 2, 3], Quantization::Q8), &settings);
        }
        let (a, b) = (&b"a"[..], &b"b"[..]);
        assert_eq!(set.range(Bound::Included(b), Bound::Included(a)).count(), 0);
        assert_eq!(set.range(Bound::Excluded(a), Bound::Excluded(a)).count(), 0);
        assert_eq!(set.range(Bound::Excluded(a), Bound::Included(b)).collect::<Vec<_>>(), [b]);
        assert_eq!(set.range(Bound::Included(a), Bound::Included(a)).collect::<Vec<_>>(), [a]);
    }
}
