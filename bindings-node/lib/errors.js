'use strict';
// One class for each row of the error table, made by going through it.

const { ERRORS } = require('../constants.js');

/** Whatever Chinwag throws or rejects with. */
class ChinwagError extends Error {}
Object.defineProperty(ChinwagError.prototype, 'name', named('ChinwagError'));

function named(value) {
  return { value, writable: true, configurable: true, enumerable: false };
}

/** `join_failed` as `JoinFailedError`, `remote_error` as `RemoteError`. */
function title(key) {
  const words = key.replace(/_error$/, '');
  return words.replace(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase()) + 'Error';
}

/** What is known of a failure elsewhere of which nothing is known. */
const NOBODY = Object.freeze({ node: '', language: '', class: '', message: '', stack: null });

function subclass(key, { code, number, retryable, maybeExecuted }) {
  const name = title(key);
  const Class = {
    [name]: class extends ChinwagError {
      constructor(message, options) {
        super(message, options);
        this.code = code;
        this.number = number;
        this.retryable = retryable;
        this.maybeExecuted = options?.maybeExecuted ?? maybeExecuted;
        if (key === 'join_failed') this.attempts = options?.attempts ?? [];
        if (key === 'remote_error') this.remote = { ...NOBODY, ...options?.remote };
      }
    },
  }[name];
  Object.defineProperty(Class.prototype, 'name', named(name));
  return Class;
}

const byKey = new Map(Object.entries(ERRORS).map(([key, row]) => [key, subclass(key, row)]));
const classes = Object.fromEntries([...byKey].map(([key, Class]) => [title(key), Class]));

/** The error for a key of the table. */
function make(key, message, options) {
  const Class = byKey.get(key) ?? classes.InternalError;
  const error = new Class(message, options);
  Error.captureStackTrace(error, make);
  return error;
}

/** The error that the core tells of as a value, with all that it says. */
function failed({ code, message, ...rest }) {
  const error = make(code, message, rest);
  Error.captureStackTrace(error, failed);
  return error;
}

/** The result of a native call; what it throws becomes one of ours. */
function native(call) {
  try {
    return call();
  } catch (error) {
    if (error instanceof ChinwagError) throw error;
    if (byKey.has(error?.code)) throw make(error.code, error.message);
    throw make('internal', error?.message ?? String(error), { cause: error });
  }
}

/**
 * Why an operation was given up: a timeout of the caller's is one of ours, too. Nothing has
 * happened if it had not begun.
 */
function aborted({ reason }, begun = true) {
  const late = reason?.name === 'TimeoutError';
  const message = late ? 'the deadline of the signal has passed' : 'the caller gave up';
  return make(late ? 'timeout' : 'cancelled', message, {
    cause: reason,
    ...(begun ? {} : { maybeExecuted: false }),
  });
}

module.exports = { ChinwagError, classes, make, failed, native, aborted };
