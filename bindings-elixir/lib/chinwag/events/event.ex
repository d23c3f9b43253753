defmodule Chinwag.Event do
  @moduledoc """
  What `Chinwag.subscribe/3` tells: inside `{:chinwag, mesh, event}`, or with `seq: true`,
  `{:chinwag, mesh, event, seq}`.

  ## Members

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

  ## Rings

    * `{:ring_change, change}` - the ring of `Chinwag.ring/1` is another one; `Chinwag.RingChange`
      tells which of your keys have moved
    * `{:handoff_prepare, …}` - these slots go to `peer`: stop writing what is theirs, pass on what
      it needs, and call `Chinwag.released/2` with the `id`, within `timeout` milliseconds
    * `{:handoff_acquired, …}` - these slots are this node's from now on. `clean` if `peer`, who had
      them, released them, or nobody had them (`""`); else it may still write. A store that has seen
      a greater `epoch` refuses who comes with this one.

  ## Both

    * `:replay_done` - what follows is live
    * `{:events_lost, count, members}` - the process was too slow; start over from these, and from
      `Chinwag.ring/1`
  """

  alias Chinwag.{Constants, Member, RingChange}

  @typedoc "What `Chinwag.subscribe/3` is asked for."
  @type topic :: :members | :ring

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
          | {:ring_change, RingChange.t()}
          | {:handoff_prepare,
             %{
               id: pos_integer(),
               peer: String.t(),
               slots: [non_neg_integer()],
               epoch: non_neg_integer(),
               timeout: non_neg_integer()
             }}
          | {:handoff_acquired,
             %{
               peer: String.t(),
               slots: [non_neg_integer()],
               epoch: non_neg_integer(),
               clean: boolean()
             }}
end
