//! CLIENT TRACKING and its kin: callers that keep keys in caches of their own.
use super::args::Args;
use super::client::SPEC;
use super::{Command, Late, Spec, Talk, bare, table};
use crate::engine::Engine;
use crate::invalidation::{TrackingMode, TrackingOptions, TrackingState};
use crate::session::Session;
use crate::{Error, Reply, Result};

table! { talk ClientCaching, talk ClientGetRedir, talk ClientTracking, talk ClientTrackingInfo }

/// The options of `CLIENT TRACKING`, each as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientTrackingOptions<'a> {
    /// `REDIRECT`
    pub redirect: Option<i64>,
    /// `PREFIX`, all of them.
    pub prefixes: Vec<&'a [u8]>,
    /// `BCAST`
    pub is_broadcast: bool,
    /// `OPTIN`
    pub opts_in: bool,
    /// `OPTOUT`
    pub opts_out: bool,
    /// `NOLOOP`
    pub leaves_out_own: bool,
}

impl<'a> ClientTrackingOptions<'a> {
    /// Reads options into these, up to the first that is none.
    fn parse(&mut self, args: &mut Args<'a>) -> Result<()> {
        while !args.is_empty() {
            if args.take_with("REDIRECT", 1) {
                if self.redirect.is_some() {
                    return Err(Error::refused("ERR A client can only redirect to a single other client"));
                }
                self.redirect = Some(args.int()?);
            } else if args.take_with("PREFIX", 1) {
                self.prefixes.push(args.bytes()?);
            } else if args.take("BCAST") {
                self.is_broadcast = true;
            } else if args.take("OPTIN") {
                self.opts_in = true;
            } else if args.take("OPTOUT") {
                self.opts_out = true;
            } else if args.take("NOLOOP") {
                self.leaves_out_own = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        Ok(())
    }

    fn mode(&self) -> Result<TrackingMode> {
        if !self.is_broadcast && !self.prefixes.is_empty() {
            return Err(Error::refused("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        Ok(match (self.is_broadcast, self.opts_in, self.opts_out) {
            (true, false, false) => {
                TrackingMode::Broadcast(self.prefixes.iter().map(|prefix| Box::from(*prefix)).collect())
            }
            (true, ..) => return Err(Error::refused("ERR OPTIN and OPTOUT are not compatible with BCAST")),
            (_, true, true) => {
                return Err(Error::refused("ERR You can't specify both OPTIN mode and OPTOUT mode"));
            }
            (_, true, false) => TrackingMode::OptIn,
            (_, false, true) => TrackingMode::OptOut,
            (_, false, false) => TrackingMode::Read,
        })
    }
}

/// `CLIENT TRACKING <ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`
#[derive(Clone, Debug)]
pub struct ClientTracking<'a> {
    /// How the caller is told.
    pub options: ClientTrackingOptions<'a>,
    /// Whether it is. Looked at last: whoever it is told in place of must exist before anything else is wrong.
    pub is_on: Late<bool>,
}

impl<'a> Command<'a> for ClientTracking<'a> {
    const SPEC: Spec = Spec {
        name: "CLIENT TRACKING",
        arity: -3,
        since: "6.0.0",
        summary: "Tells the caller of changes to keys that it has read, so that it can keep them in a cache.",
        complexity: "O(1). Some options may introduce additional complexity.",
        syntax: "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (is_on, is_off) = (args.take("ON"), args.take("OFF"));
        if !is_on && !is_off {
            args.bytes()?;
        }
        let mut options = ClientTrackingOptions::default();
        let is_on = match options.parse(args) {
            Ok(()) if is_on || is_off => Ok(is_on),
            Ok(()) => Err(Error::Syntax),
            Err(refused) => Err(refused),
        };
        Ok(ClientTracking { options, is_on })
    }
}

impl<'a> Talk<'a> for ClientTracking<'a> {
    const LASTS: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        let redirect = match self.options.redirect {
            None => None,
            Some(id) => {
                let there = u64::try_from(id).ok().filter(|id| engine.clients().get(*id).is_some());
                let refusal = Error::refused("ERR The client ID you want redirect to does not exist");
                Some(there.ok_or(refusal)?)
            }
        };
        if !self.is_on.clone()? {
            session.end_tracking(engine);
            return Ok(());
        }
        let (mode, leaves_out_own) = (self.options.mode()?, self.options.leaves_out_own);
        session.begin_tracking(engine, TrackingOptions { mode, redirect, leaves_out_own })
    }
}

/// `CLIENT CACHING <YES | NO>`
#[derive(Clone, Debug)]
pub struct ClientCaching {
    /// Whether the keys that the next command reads are remembered. Looked at after whether the caller tracks keys at all.
    pub is_wanted: Late<bool>,
}

impl<'a> Command<'a> for ClientCaching {
    const SPEC: Spec = Spec {
        name: "CLIENT CACHING",
        arity: 3,
        since: "6.0.0",
        summary: "Says whether the caller keeps what its next command reads.",
        syntax: "<YES | NO>",
        ..SPEC
    };
    type Reply = ();

    fn parse(args: &mut Args<'a>) -> Result<Self> {
        let (is_yes, is_no) = (args.take("YES"), args.take("NO"));
        args.rest();
        Ok(ClientCaching { is_wanted: if is_yes || is_no { Ok(is_yes) } else { Err(Error::Syntax) } })
    }
}

impl Talk<'_> for ClientCaching {
    const LASTS: bool = true;

    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<()> {
        let Some(state) = engine.invalidation().of(session.id()) else {
            return Err(Error::refused(
                "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled",
            ));
        };
        match (self.is_wanted.clone()?, state.options.mode) {
            (true, TrackingMode::OptIn) | (false, TrackingMode::OptOut) => {
                session.mark_next_read();
                Ok(())
            }
            (true, _) => Err(Error::refused(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            )),
            (false, _) => Err(Error::refused(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            )),
        }
    }
}

bare! {
    /// `CLIENT GETREDIR`
    ClientGetRedir -> i64, Spec {
        name: "CLIENT GETREDIR",
        arity: 2,
        since: "6.0.0",
        summary: "Returns the number of the caller that is told in this one's place: 0 for none, -1 if nobody is told.",
        ..SPEC
    }
}

impl Talk<'_> for ClientGetRedir {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<i64> {
        Ok(redirection(engine.invalidation().of(session.id()).as_ref()))
    }
}

/// 0 if the caller is told itself, -1 if it is not told at all.
fn redirection(state: Option<&TrackingState>) -> i64 {
    state.map_or(-1, |state| state.options.redirect.unwrap_or(0) as i64)
}

/// `CLIENT TRACKINGINFO`'s answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackingInfoReply {
    /// How the caller is told; `None` if it is not.
    pub state: Option<TrackingState>,
    /// Whether `CLIENT CACHING` was said of the next command.
    pub is_next_marked: bool,
}

impl From<TrackingInfoReply> for Reply {
    fn from(reply: TrackingInfoReply) -> Self {
        let redirect = redirection(reply.state.as_ref());
        let (mut flags, mut prefixes) = (vec!["off"], Vec::new());
        if let Some(TrackingState { options, is_broken }) = reply.state {
            let (mode, marked) = match options.mode {
                TrackingMode::Read => (None, None),
                TrackingMode::OptIn => (Some("optin"), Some("caching-yes")),
                TrackingMode::OptOut => (Some("optout"), Some("caching-no")),
                TrackingMode::Broadcast(all) => {
                    prefixes = all;
                    (Some("bcast"), None)
                }
            };
            flags = [
                Some("on"),
                mode,
                marked.filter(|_| reply.is_next_marked),
                options.leaves_out_own.then_some("noloop"),
                is_broken.then_some("broken_redirect"),
            ]
            .into_iter()
            .flatten()
            .collect();
        }
        Reply::Map(vec![
            (Reply::bulk("flags"), Reply::Set(flags.iter().map(Reply::bulk).collect())),
            (Reply::bulk("redirect"), Reply::Integer(redirect)),
            (Reply::bulk("prefixes"), Reply::Array(prefixes.iter().map(Reply::bulk).collect())),
        ])
    }
}

bare! {
    /// `CLIENT TRACKINGINFO`
    ClientTrackingInfo -> TrackingInfoReply, Spec {
        name: "CLIENT TRACKINGINFO",
        arity: 2,
        since: "6.2.0",
        summary: "Says how the caller is told of changes to keys.",
        ..SPEC
    }
}

impl Talk<'_> for ClientTrackingInfo {
    fn talk(&self, engine: &Engine, session: &mut Session) -> Result<TrackingInfoReply> {
        let state = engine.invalidation().of(session.id());
        Ok(TrackingInfoReply { state, is_next_marked: session.is_next_read_marked() })
    }
}
