/* The header in C11: the types of what is declared, and the version that is computed. */
#include "chinwag.h"

_Static_assert(CHINWAG_VERSION_NUMBER == CHINWAG_VERSION_MAJOR * 1000000
                                             + CHINWAG_VERSION_MINOR * 1000
                                             + CHINWAG_VERSION_PATCH,
               "the version is computed from its parts");
_Static_assert(sizeof(CHINWAG_VERSION) > 5, "the version is a text");

#define RETURNS(call, type) _Static_assert(_Generic((call), type : 1, default : 0), #call)

RETURNS(chinwag_start(0, 0, 0), chinwag_status);
RETURNS(chinwag_on_event(0, 0, 0, 0, 0), int32_t);
RETURNS(chinwag_event_fd(0), int);
RETURNS(chinwag_event_type(0), chinwag_event_kind);
RETURNS(chinwag_event_seq(0), uint64_t);
RETURNS(chinwag_event_member(0), const chinwag_member *);
RETURNS(chinwag_member_name(0), const char *);
RETURNS(chinwag_member_state(0), chinwag_state);
RETURNS(chinwag_error_retryable(0), bool);

int c11_is_not_empty;
