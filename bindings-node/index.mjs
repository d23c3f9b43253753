import chinwag from './index.js';

export const {
  start,
  version,
  Node,
  Member,
  ChinwagError,
  BadConfigError,
  BadArgumentError,
  BindFailedError,
  JoinFailedError,
  TooLargeError,
  TimeoutError,
  ClosedError,
  CancelledError,
  ForkedError,
  InternalError,
  EVENT_TYPES,
  MEMBER_STATES,
  ERRORS,
  OPTIONS,
} = chinwag;
