defmodule Chinwag.Event do
  @moduledoc """
  What `Chinwag.subscribe/3` tells: inside `{:chinwag, mesh, event}`, or with `seq: true`,
  `{:chinwag, mesh, event, seq}`.

    * `{:member_join, member}` - new, or back after it had failed or left
    * `{:member_leave, member}` - it said goodbye
    * `{:member_failed, member}` - it was suspected, and did not refute in time
    * `{:member_update, member, previous}` - its tags, metadata or address
    * `{:member_suspect, member}` and `{:member_recover, member}`
    * `{:member_reap, member}` - one that failed or left is no longer remembered
    * `{:member_move, member, previous}` - it is elsewhere, and nobody answers where it was
    * `{:member_conflict, member, addr}` - somebody else says that it is that member
    * `{:message, …}`, `{:broadcast, …}`, `{:remote_state, …}` - what members sent
    * `{:user_event, …}` and `{:query, …}` - as in serf; `Chinwag.respond/3` answers a query
    * `{:admission, …}` - a newcomer waits for `Chinwag.admit/2` or `Chinwag.refuse/3`
    * `{:warning, …}` - something is wrong, and the node goes on

    * `:replay_done` - what follows is live
    * `{:events_lost, count, members}` - the process was too slow; start over from these
  """

  alias Chinwag.{Constants, Member}

  @typedoc "An event."
  @type t ::
          {:member_join, Member.t()}
          | {:member_leave, Member.t()}
          | {:member_failed, Member.t()}
          | {:member_update, Member.t(), previous :: Member.t()}
          | {:member_suspect, Member.t()}
          | {:member_recover, Member.t()}
          | :replay_done
          | {:events_lost, count :: pos_integer(), [Member.t()]}
          | {:member_reap, Member.t()}
          | {:member_move, Member.t(), previous :: Member.t()}
          | {:member_conflict, Member.t(), addr :: String.t()}
          | {:message,
             %{sender: String.t(), addr: String.t(), reliable: boolean(), payload: binary()}}
          | {:broadcast, %{sender: String.t(), name: String.t(), payload: binary()}}
          | {:admission, %{id: pos_integer(), member: Member.t()}}
          | {:remote_state, %{sender: String.t(), join: boolean(), payload: binary()}}
          | {:user_event,
             %{
               name: String.t(),
               ltime: pos_integer(),
               payload: binary(),
               coalesce: boolean()
             }}
          | {:query,
             %{
               id: pos_integer(),
               sender: String.t(),
               name: String.t(),
               payload: binary(),
               timeout: non_neg_integer()
             }}
          | {:warning, %{code: Constants.warning_code(), subject: String.t(), text: String.t()}}
end
