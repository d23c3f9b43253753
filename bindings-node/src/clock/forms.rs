//! Bytes and texts of clocks, judged by the core: what is refused here is refused everywhere, and
//! `lib/clock/bytes.js` reads only what passed.

use chinwag::clock::{ActorTable, Folded, Retired, Siblings, VectorClock};
use napi::Env;
use napi::bindgen_prelude::{BigInt, Uint8ArraySlice};
use napi_derive::napi;

use crate::error::{Result, bad_argument, broken, failure};

/// Refuses what are not the bytes of a clock, a folded clock, a record of siblings or a log.
#[napi(catch_unwind)]
pub fn check_form(form: String, bytes: Uint8ArraySlice<'_>) -> Result<()> {
    match form.as_str() {
        "clock" => VectorClock::from_bytes(&bytes).map(drop),
        "folded" => Folded::from_bytes(&bytes).map(drop),
        "siblings" => Siblings::from_bytes(&bytes).map(drop),
        "retired" => Retired::from_bytes(&bytes).map(drop),
        _ => return Err(bad_argument(format!("\"{form}\" is no form"))),
    }
    .map_err(failure)
}

/// The bytes of the clock of a JSON text.
#[napi(catch_unwind)]
pub fn clock_of_json(env: &Env, text: String) -> Result<Uint8ArraySlice<'_>> {
    given(env, VectorClock::from_json(&text).map(|clock| clock.to_bytes()))
}

/// The bytes of the folded clock of a JSON text.
#[napi(catch_unwind)]
pub fn folded_of_json(env: &Env, text: String) -> Result<Uint8ArraySlice<'_>> {
    given(env, Folded::from_json(&text).map(|folded| folded.to_bytes()))
}

/// The bytes of the record of siblings of a JSON text.
#[napi(catch_unwind)]
pub fn siblings_of_json(env: &Env, text: String) -> Result<Uint8ArraySlice<'_>> {
    given(env, Siblings::from_json(&text).map(|record| record.to_bytes()))
}

/// The bytes of the log of retirements of a JSON text.
#[napi(catch_unwind)]
pub fn retired_of_json(env: &Env, text: String) -> Result<Uint8ArraySlice<'_>> {
    given(env, Retired::from_json(&text).map(|log| log.to_bytes()))
}

/// A table of actors.
#[napi]
pub struct NativeActorTable {
    table: ActorTable,
}

#[napi]
impl NativeActorTable {
    /// The table of these actors.
    #[napi(factory, catch_unwind)]
    pub fn of(actors: Vec<String>) -> Result<Self> {
        let table = ActorTable::new(actors.iter().map(String::as_str)).map_err(failure)?;
        Ok(Self { table })
    }

    /// The actors, in the order of their bytes.
    #[napi(catch_unwind)]
    pub fn actors(&self) -> Vec<&str> {
        self.table.actors().collect()
    }

    /// What stands for the table in front of a dense form.
    #[napi(catch_unwind)]
    pub fn fingerprint(&self) -> BigInt {
        self.table.fingerprint().into()
    }

    /// The dense form of the clock of these bytes.
    #[napi(catch_unwind)]
    pub fn dense<'env>(
        &self,
        env: &'env Env,
        clock: Uint8ArraySlice<'_>,
    ) -> Result<Uint8ArraySlice<'env>> {
        given(env, VectorClock::from_bytes(&clock).and_then(|clock| clock.to_dense(&self.table)))
    }

    /// The bytes of the clock of a dense form.
    #[napi(catch_unwind)]
    pub fn sparse<'env>(
        &self,
        env: &'env Env,
        dense: Uint8ArraySlice<'_>,
    ) -> Result<Uint8ArraySlice<'env>> {
        given(env, VectorClock::from_dense(&self.table, &dense).map(|clock| clock.to_bytes()))
    }
}

fn given(env: &Env, bytes: chinwag::Result<Vec<u8>>) -> Result<Uint8ArraySlice<'_>> {
    Uint8ArraySlice::copy_from(env, bytes.map_err(failure)?).map_err(broken)
}
