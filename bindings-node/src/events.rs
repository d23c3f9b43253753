//! A subscription, drained in batches.

use std::sync::{Mutex, PoisonError};

use chinwag::host::Subscription;
use napi::Env;
use napi_derive::napi;

use crate::error::{Result, failure};
use crate::member::{Packed, Packer};

/// What happens to the other members, for one reader.
#[napi]
pub struct NativeEvents {
    subscription: Mutex<Option<Subscription>>,
}

impl NativeEvents {
    pub(crate) fn new(subscription: Subscription) -> Self {
        Self { subscription: Mutex::new(Some(subscription)) }
    }
}

#[napi]
impl NativeEvents {
    /// Up to `max` events, or null when there are none. Fewer than `max`: the wake function is
    /// called when there are more.
    #[napi(catch_unwind)]
    pub fn drain<'env>(&self, env: &'env Env, max: u32) -> Result<Option<Packed<'env>>> {
        let mut subscription = self.subscription.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = subscription.as_mut() else { return Ok(None) };
        let batch = open.drain(max as usize).map_err(failure)?;
        if batch.ended {
            *subscription = None;
        }
        if batch.events.is_empty() {
            return Ok(None);
        }
        Packer::events(&batch.events).packed(env).map(Some)
    }

    /// Whether nothing will come any more.
    #[napi(getter, catch_unwind)]
    pub fn ended(&self) -> bool {
        self.subscription.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Lets the events go that nobody will read.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.subscription.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
