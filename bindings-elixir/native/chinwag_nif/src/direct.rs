//! Functions that are called for every key or event, without what `#[rustler::nif]` does around
//! them: it allocates room for the arguments in each call, and counts references to resources. That
//! is as much again as a look-up.
//!
//! All `unsafe` code of this binding is here.

use std::marker::PhantomData;
use std::panic::catch_unwind;
use std::{ptr, slice};

use rustler::codegen_runtime::{c_uint, handle_nif_result};
use rustler::sys::{ErlNifEnv, ErlNifTerm, enif_get_tuple, enif_make_list_from_array};
use rustler::{Env, Error, NifResult, Term};

/// A function of that many terms.
pub(crate) type Direct<const N: usize> = for<'a> fn(Env<'a>, [Term<'a>; N]) -> NifResult<Term<'a>>;

/// Makes a function of terms a NIF of that name, on ordinary schedulers.
macro_rules! direct {
    ($function:ident) => {
        rustler::codegen_runtime::inventory::submit!(rustler::Nif {
            name: concat!(stringify!($function), "\0").as_ptr().cast(),
            arity: $crate::direct::arity($function),
            flags: rustler::SchedulerFlags::Normal as rustler::codegen_runtime::c_uint,
            raw_func: {
                unsafe extern "C" fn called(
                    env: *mut rustler::sys::ErlNifEnv,
                    _count: rustler::codegen_runtime::c_int,
                    terms: *const rustler::sys::ErlNifTerm,
                ) -> rustler::sys::ErlNifTerm {
                    // SAFETY: the VM calls it with an environment and as many terms of it as the
                    // arity says, which is that of the function.
                    unsafe { $crate::direct::call(env, terms, $function) }
                }
                called
            },
        });
    };
}
pub(crate) use direct;

/// The number of terms that a function takes.
pub(crate) const fn arity<const N: usize>(_: Direct<N>) -> c_uint {
    N as c_uint
}

/// Calls a function; a panic in it becomes an `ErlangError`, as in any other.
///
/// # Safety
///
/// `env` is the environment of a call of a NIF with `N` terms, which are at `terms`.
#[inline(always)]
pub(crate) unsafe fn call<const N: usize>(
    env: *mut ErlNifEnv,
    terms: *const ErlNifTerm,
    function: Direct<N>,
) -> ErlNifTerm {
    let lifetime = ();
    // SAFETY: it is the environment of this call, and `lifetime` ends with it.
    let env = unsafe { Env::new(&lifetime, env) };
    // SAFETY: there are as many, and they are not changed during the call.
    let terms = unsafe { *terms.cast::<[ErlNifTerm; N]>() };
    // SAFETY: they are terms of that environment.
    let terms = terms.map(|term| unsafe { Term::new(env, term) });
    match catch_unwind(|| function(env, terms)) {
        Ok(Ok(term)) => term.as_c_arg(),
        // SAFETY: as any NIF, which returns at once what comes of it.
        answer => unsafe { handle_nif_result(answer, env).apply(env) },
    }
}

/// A term in a list that is being made: half as large as with its environment.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Item<'a>(ErlNifTerm, PhantomData<Env<'a>>);

/// A tuple whose elements are looked up where they are.
#[derive(Clone, Copy)]
pub(crate) struct Tuple<'a>(&'a [Item<'a>]);

impl<'a> Item<'a> {
    pub(crate) fn term(self, env: Env<'a>) -> Term<'a> {
        // SAFETY: it is a term of the environment that its lifetime names.
        unsafe { Term::new(env, self.0) }
    }
}

impl<'a> Tuple<'a> {
    pub(crate) fn of(term: Term<'a>) -> NifResult<Self> {
        let (env, mut count, mut elements) = (term.get_env().as_c_arg(), 0, ptr::null());
        // SAFETY: a term of that environment; the places are ours.
        let told = unsafe { enif_get_tuple(env, term.as_c_arg(), &mut count, &mut elements) };
        let count = usize::try_from(count).ok().filter(|count| told != 0 && *count > 0);
        let count = count.ok_or(Error::BadArg)?;
        // SAFETY: that many elements are there, for as long as the environment of the term is, and
        // of it. An item is a term and nothing else.
        Ok(Self(unsafe { slice::from_raw_parts(elements.cast(), count) }))
    }

    /// All elements.
    pub(crate) fn items(self) -> &'a [Item<'a>] {
        self.0
    }

    /// An element, counted from 0.
    #[inline]
    pub(crate) fn at(self, place: usize) -> NifResult<Item<'a>> {
        self.0.get(place).copied().ok_or(Error::BadArg)
    }
}

/// A list of terms of that environment.
///
/// # Errors
///
/// `badarg` for 2^32 terms and more.
pub(crate) fn list<'a>(env: Env<'a>, items: &[Item<'a>]) -> NifResult<Term<'a>> {
    let count = c_uint::try_from(items.len()).map_err(|_| Error::BadArg)?;
    // SAFETY: an item is a term and nothing else, of the environment that its lifetime names; that
    // many are there.
    Ok(unsafe {
        let list = enif_make_list_from_array(env.as_c_arg(), items.as_ptr().cast(), count);
        Term::new(env, list)
    })
}
