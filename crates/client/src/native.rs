//! Commands of the program's own, in Rust, called by words like any other.
use std::fmt;

use redlet_core::cmd::args::Args;
use redlet_core::{Called, Handler, Native, Reply};

use crate::argument::{Arguments, describe};
use crate::transaction::Transaction;
use crate::{Builder, Error, Redis, Result};

/// A command for a store that is not open yet.
pub(crate) struct OwnCommand {
    pub(crate) native: Native,
    pub(crate) handler: Handler,
}

impl fmt::Debug for OwnCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnCommand").field(&self.native.name()).finish()
    }
}

impl OwnCommand {
    fn new<R: Into<Reply>>(
        native: Native,
        body: impl Fn(&Transaction<'_, '_>, &[&[u8]]) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        let handler: Handler = Box::new(move |unit, Called { words, keys }| {
            body(&Transaction::new(unit, keys), words).map(Into::into).map_err(Error::into_refusal)
        });
        Self { native, handler }
    }

    fn typed<A: Arguments, R: Into<Reply>>(
        native: Native,
        body: impl Fn(&Transaction<'_, '_>, A) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        let native = describe::<A>(native);
        let name = native.name().to_ascii_lowercase();
        Self::new(native, move |t, words| {
            let wrong_arity = || redlet_core::Error::WrongArity(name.clone().into());
            let mut args = Args::new(words);
            let arguments = A::take(&mut args).map_err(|refused| match refused {
                // A word is missing that must be there.
                Error::Command(redlet_core::Error::Syntax) if args.is_empty() => wrong_arity().into(),
                refused => refused,
            })?;
            if !args.is_empty() {
                return Err(wrong_arity().into());
            }
            body(t, arguments)
        })
    }
}

impl Redis {
    /// Adds a command of the program's own, which can be called by everybody who calls commands by words: [`Redis::execute`], pipelines and
    /// sessions of any handle, and clients of a server. In place of a script, for what is the program's anyway.
    ///
    /// `body` gets what the closure of [`Redis::transaction`] gets, and the words after the name. What it returns is the answer, and the
    /// text of its error is what the caller is refused with; see [`Error::refused`].
    ///
    /// `native` is a name, or a [`Native`] that says more. A command that says where its keys are locks these and can touch no
    /// others; one that does not locks everything. One that is [`readonly`](Native::readonly) runs beside other readers.
    ///
    /// It is one unit, however it is called: nobody sees it half done, and the store on disk has what it did whole or not at all. What is
    /// logged is what it did and not that it was called, so a store is read again without it. If `body` returns an error or panics, what it
    /// changed is undone, as with [`Redis::transaction`]; between `MULTI` and `EXEC` only that, and not what the others did. The caller gets
    /// an error for a panic too, because its thread may serve others.
    ///
    /// Other callers of its keys wait, so `body` should be short, and must not use a handle of the same store: it would wait for
    /// its own locks. A handle that it owns would also keep the store open for ever. It can be called by several threads at
    /// a time.
    ///
    /// INFO, SLOWLOG, MONITOR and COMMAND know it as any other command. Users may call it who may call everything, or by its name (`+limit`),
    /// or by `@read` or `@write` and `@fast` or `@slow`, whatever was first, the command or the user; but rules of a configuration or a file
    /// can name it only if it is there when the store is opened: [`Builder::command`]. Rules for keys hold for those that it declares.
    ///
    /// It stays as long as the store is open; there is no way to remove it or to put another in its place. What is said of it is kept once for
    /// the whole process, however many stores have it.
    ///
    /// # Errors
    /// [`Error::Command`] for a name that cannot be one, that Redis has or that another command of this store has, and for more than 256
    /// commands.
    ///
    /// ```
    /// use redlet::{Commands, Error, Native, Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// redis.command(Native::new("TAKE").arity(3).keys(1, 1, 1), |t, args| {
    ///     let left = t.decrby(args[0], std::str::from_utf8(args[1]).unwrap_or("").parse().unwrap_or(1))?;
    ///     if left < 0 { Err(Error::refused("EMPTY there is not so much left")) } else { Ok(left) }
    /// })?;
    /// redis.set("stock", 5)?;
    /// assert_eq!(redis.execute(&["TAKE", "stock", "3"])?, Reply::Integer(2));
    /// let refused = redis.execute(&["take", "stock", "3"]).unwrap_err();
    /// assert_eq!(refused.to_string(), "EMPTY there is not so much left");
    /// assert_eq!(redis.get("stock")?.unwrap(), "2");
    /// let refused = redis.execute(&["TAKE", "stock"]).unwrap_err();
    /// assert_eq!(refused.to_string(), "ERR wrong number of arguments for 'take' command");
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn command<R: Into<Reply>>(
        &self,
        native: impl Into<Native>,
        body: impl Fn(&Transaction<'_, '_>, &[&[u8]]) -> Result<R> + Send + Sync + 'static,
    ) -> Result<()> {
        self.add(OwnCommand::new(native.into(), body))
    }

    /// The same, whose words become values before `body` sees them: text, bytes, numbers, and each [`Key`](crate::Key) that it locks. Words that do not
    /// fit are refused as Redis refuses them. How many it takes, and where its keys are, follows from the types.
    ///
    /// # Errors
    /// As [`Redis::command`].
    ///
    /// ```
    /// use redlet::{Commands, Key, Redis, Reply};
    ///
    /// let redis = Redis::memory();
    /// redis.typed_command("ADD", |t, (key, by): (Key, i64)| t.incrby(&key, by))?;
    /// redis.typed_command("PUSH.ALL", |t, (value, keys): (String, Vec<Key>)| {
    ///     keys.iter().map(|key| t.rpush(key, [&value])).collect::<redlet::Result<Vec<usize>>>()
    /// })?;
    /// assert_eq!(redis.execute(&["ADD", "n", "5"])?, Reply::Integer(5));
    /// let refused = redis.execute(&["ADD", "n", "five"]).unwrap_err();
    /// assert_eq!(refused.to_string(), "ERR value is not an integer or out of range");
    /// assert_eq!(redis.execute(&["PUSH.ALL", "v", "a", "b"])?, Reply::Array(vec![Reply::Integer(1); 2]));
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn typed_command<A: Arguments, R: Into<Reply>>(
        &self,
        native: impl Into<Native>,
        body: impl Fn(&Transaction<'_, '_>, A) -> Result<R> + Send + Sync + 'static,
    ) -> Result<()> {
        self.add(OwnCommand::typed(native.into(), body))
    }

    fn add(&self, OwnCommand { native, handler }: OwnCommand) -> Result<()> {
        Ok(self.engine().register(&native, handler)?)
    }
}

impl Builder {
    /// Adds a command of the program's own, as [`Redis::command`] does, before the configuration and files of users are read, which may name
    /// it. [`Builder::build`] fails if it cannot be one.
    ///
    /// ```
    /// use redlet::{Redis, Reply};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("users.acl");
    /// # std::fs::write(&path, "user ann on nopass +greet\n").unwrap();
    /// # let path = path.to_str().unwrap();
    /// // A line of the file: user ann on nopass +greet
    /// let redis = Redis::builder().parameter("aclfile", path).command("GREET", |_, _| Ok("hello")).build()?;
    /// let mut session = redis.session();
    /// session.execute(&["AUTH", "ann", ""])?;
    /// assert_eq!(session.execute(&["GREET"])?, Reply::from("hello"));
    /// assert!(session.execute(&["GET", "k"]).is_err());
    /// # Ok::<(), redlet::Error>(())
    /// ```
    pub fn command<R: Into<Reply>>(
        self,
        native: impl Into<Native>,
        body: impl Fn(&Transaction<'_, '_>, &[&[u8]]) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        self.with_command(OwnCommand::new(native.into(), body))
    }

    /// The same for [`Redis::typed_command`].
    pub fn typed_command<A: Arguments, R: Into<Reply>>(
        self,
        native: impl Into<Native>,
        body: impl Fn(&Transaction<'_, '_>, A) -> Result<R> + Send + Sync + 'static,
    ) -> Self {
        self.with_command(OwnCommand::typed(native.into(), body))
    }
}
