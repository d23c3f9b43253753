defmodule Chinwag.Native do
  @moduledoc false
  # The native library: each function here is replaced when it is loaded. A library of a newer
  # version cannot replace a loaded one in a running VM; restart the VM instead.

  alias Chinwag.{Error, Packed}

  @on_load :load

  @opaque t :: reference()

  @doc false
  def load do
    :erlang.load_nif(:filename.join(:code.priv_dir(:chinwag), ~c"chinwag_nif"), 0)
  end

  # Bytes of a payload that are copied on an ordinary scheduler at most.
  @copied_max 65_536
  defguardp is_large(payload) when byte_size(elem(payload, 1)) > @copied_max

  @doc """
  Performs an operation whose payload is of that many bytes; the caller gets its outcome, or
  `:timeout` after that time.
  """
  @spec run(t(), term(), timeout(), non_neg_integer()) ::
          :ok | {:ok, term()} | {:error, Error.t()}
  def run(native, operation, timeout, size \\ 0) do
    tag = make_ref()

    submitted =
      guarded(fn ->
        if size > @copied_max,
          do: submit_large(native, tag, operation),
          else: submit(native, tag, operation)
      end)

    with {:ok, id} <- submitted do
      receive do
        {^tag, outcome} -> outcome
      after
        timeout -> give_up(native, id, tag, timeout)
      end
    end
  end

  @doc """
  Asks a server, and waits for the outcome, which comes with the time of the call at the latest. A
  process that ends meanwhile gives the call up.
  """
  @spec ask(t(), tuple(), {timeout() | nil, timeout() | nil}) ::
          {:ok, {0..255, binary()}} | {:error, Error.t()}
  def ask(native, sent, times) do
    tag = make_ref()

    with {:ok, pending} <- begin(native, tag, sent, times) do
      receive do
        {^tag, outcome} -> settled(pending, outcome)
      end
    end
  end

  @doc "Begins to ask: `{:ok, pending}`, and `{tag, outcome}` comes while `pending` is kept."
  @spec begin(t(), reference(), tuple(), tuple()) :: {:ok, reference()} | {:error, Error.t()}
  def begin(native, tag, {_target, _op, payload, _headers} = sent, times) when is_large(payload),
    do: guarded(fn -> message_call_large(native, tag, sent, times) end)

  def begin(native, tag, sent, times),
    do: guarded(fn -> message_call(native, tag, sent, times) end)

  @doc "The outcome of what has begun; to be called so that `pending` is kept until it is there."
  @spec settled(reference(), outcome) :: outcome when outcome: term()
  def settled(pending, outcome) do
    :ok = message_settled(pending)
    outcome
  end

  @doc "Tells a server something, without waiting for room."
  @spec tell(t(), tuple(), timeout() | nil, boolean()) :: :ok | {:error, Error.t()}
  def tell(native, {_target, _op, payload, _headers} = sent, timeout, latest)
      when is_large(payload),
      do: guarded(fn -> message_cast_large(native, sent, timeout, latest) end)

  def tell(native, sent, timeout, latest),
    do: guarded(fn -> message_cast(native, sent, timeout, latest) end)

  @doc "Publishes; to how many members."
  @spec publish(t(), tuple(), boolean()) :: {:ok, non_neg_integer()} | {:error, Error.t()}
  def publish(native, {_topic, payload, _headers} = what, latest) when is_large(payload),
    do: guarded(fn -> topic_publish_large(native, what, latest) end)

  def publish(native, what, latest), do: guarded(fn -> topic_publish(native, what, latest) end)

  @doc "Answers a call that a server has taken; whether anybody was still waiting for that."
  @spec reply(reference(), {0..255, binary()}) :: boolean()
  def reply(request, payload) when is_large(payload), do: request_reply_large(request, payload)
  def reply(request, payload), do: request_reply(request, payload)

  @doc "Sends an item: `true`, or `false` when it is held until there is room."
  @spec stream_item(reference(), {0..255, binary()}) :: boolean() | {:error, Error.t()}
  def stream_item(stream, item) when is_large(item), do: stream_send_large(stream, item)
  def stream_item(stream, item), do: stream_send(stream, item)

  @doc "Calls the library. The trace of a panic shows no arguments: keys may be among them."
  @spec guarded((() -> result)) :: result when result: term()
  def guarded(call) do
    call.()
  rescue
    error -> reraise error, Enum.map(__STACKTRACE__, &without_arguments/1)
  end

  defp without_arguments({module, function, arguments, location}) when is_list(arguments),
    do: {module, function, length(arguments), location}

  defp without_arguments(frame), do: frame

  # No late answer may be left in the caller's mailbox.
  defp give_up(native, id, tag, timeout) do
    if forget(native, id) do
      {:error, Error.new(:timeout, "not settled within #{timeout} ms")}
    else
      receive do
        {^tag, outcome} -> outcome
      end
    end
  end

  @doc "Closes the node and waits until its port is free."
  @spec shut(t()) :: :ok
  def shut(native) do
    tag = make_ref()

    if close(native, tag) do
      receive do
        {^tag, :ok} -> :ok
      end
    else
      :ok
    end
  end

  @doc "The members of a scope, in the order of their names."
  @spec all(t(), :members | :known) :: [Chinwag.Member.t()]
  def all(native, scope) do
    case roster(native, scope) do
      :large -> native |> large_roster(scope) |> Packed.members()
      members -> Packed.members(members)
    end
  end

  @doc "The member of that name, or `nil`."
  @spec find(t(), String.t()) :: Chinwag.Member.t() | nil
  def find(native, name) do
    with found when found != nil <- member(native, name), do: Packed.member(found)
  end

  @doc "The local member."
  @spec local(t()) :: Chinwag.Member.t()
  def local(native), do: native |> local_member() |> Packed.member()

  @doc "The other members, and the number of the last event that they already reflect."
  @spec others(t()) :: {non_neg_integer(), [Chinwag.Member.t()]}
  def others(native) do
    {seq, members} = snapshot(native)
    {seq, Packed.members(members)}
  end

  @doc """
  The next events, each `{seq, event}`, for the owner. `:more`: there may be more at once; `:later`:
  the owner gets `{Chinwag.Native, :events}` when there are; `:ended`: there are none.
  """
  @spec events(t()) :: {[{pos_integer(), Chinwag.event()}], :more | :later | :ended}
  def events(native) do
    {events, next} = take(native)
    {Enum.map(events, &Packed.event(&1, native)), next}
  end

  def start(_options), do: missing()
  def submit(_native, _tag, _operation), do: missing()
  def submit_large(_native, _tag, _operation), do: missing()
  def forget(_native, _id), do: missing()
  def take(_native), do: missing()
  def take_large(_native), do: missing()
  def close(_native, _tag), do: missing()
  def roster(_native, _scope), do: missing()
  def large_roster(_native, _scope), do: missing()
  def snapshot(_native), do: missing()
  def member(_native, _name), do: missing()
  def local_member(_native), do: missing()
  def stats(_native), do: missing()
  def metrics(_native), do: missing()
  def keys(_native), do: missing()
  def ring_build(_before, _steps), do: missing()
  def ring_union(_one, _other), do: missing()
  def ring_intersection(_one, _other), do: missing()
  def ring_from_bytes(_bytes), do: missing()
  def ring_to_bytes(_ring), do: missing()
  def ring_from_json(_json), do: missing()
  def ring_to_json(_ring), do: missing()
  def ring_equal(_one, _other), do: missing()
  def ring_owner(_ring, _key), do: missing()
  def ring_owner_large(_ring, _key), do: missing()
  def ring_owners(_ring, _names, _key, _count), do: missing()
  def ring_owners_large(_ring, _names, _key, _count), do: missing()
  def ring_many(_ring, _names, _keys), do: missing()
  def ring_many_large(_ring, _names, _keys), do: missing()
  def ring_packed(_ring, _names, _keys, _width), do: missing()
  def ring_packed_large(_ring, _names, _keys, _width), do: missing()
  def ring_slot(_ring, _key), do: missing()
  def ring_slot_large(_ring, _key), do: missing()
  def ring_slot_owners(_ring, _slot), do: missing()
  def ring_slots_of(_ring, _name), do: missing()
  def ring_nodes(_ring), do: missing()
  def ring_overrides(_ring), do: missing()
  def ring_ranges(_ring), do: missing()
  def ring_balance(_ring), do: missing()
  def ring_next(_ring, _name, _count), do: missing()
  def ring_previous(_ring, _name, _count), do: missing()
  def ring_owners_before(_ring, _key, _count), do: missing()
  def ring_moved(_before, _after, _keys), do: missing()
  def ring_gained(_before, _after, _name, _keys), do: missing()
  def ring_lost(_before, _after, _name, _keys), do: missing()
  def ring_moved_slots(_before, _after), do: missing()
  def ring_flows(_before, _after), do: missing()
  def ring_told(_ring), do: missing()
  def ring_told_large(_ring), do: missing()
  def cluster_ring(_native), do: missing()
  def cluster_ring_large(_native), do: missing()
  def cluster_keep(_native), do: missing()
  def cluster_past_rings(_native), do: missing()
  def cluster_owner(_native, _key), do: missing()
  def cluster_owner_large(_native, _key), do: missing()
  def cluster_owners(_native, _key, _count), do: missing()
  def cluster_owners_large(_native, _key, _count), do: missing()
  def cluster_owns(_native, _key), do: missing()
  def cluster_owns_large(_native, _key), do: missing()
  def cluster_previous_owner(_native, _key), do: missing()
  def ring_jump(_key, _buckets), do: missing()
  def ring_jump_large(_key, _buckets), do: missing()
  def clock(_request), do: missing()
  def clock_large(_request), do: missing()
  def clock_count(_clock, _actor), do: missing()
  def clock_increment(_clock, _actor), do: missing()
  def clock_merge(_ours, _theirs), do: missing()
  def clock_compare(_ours, _theirs), do: missing()
  def payload_encode(_value), do: missing()
  def payload_encode_large(_value), do: missing()
  def payload_decode(_payload), do: missing()
  def payload_decode_large(_payload), do: missing()
  def payload_to_json(_payload), do: missing()
  def payload_to_json_large(_payload), do: missing()
  def payload_from_json(_text), do: missing()
  def payload_from_json_large(_text), do: missing()
  def message_call(_native, _tag, _sent, _times), do: missing()
  def message_call_large(_native, _tag, _sent, _times), do: missing()
  def message_settled(_pending), do: missing()
  def message_cast(_native, _sent, _timeout, _latest), do: missing()
  def message_cast_large(_native, _sent, _timeout, _latest), do: missing()
  def message_hosts(_native, _server), do: missing()
  def message_servers(_native), do: missing()
  def server_start(_native, _name, _mailbox), do: missing()
  def server_take(_server, _max), do: missing()
  def server_pause(_server, _paused), do: missing()
  def server_stop(_server, _reason), do: missing()
  def request_reply(_request, _payload), do: missing()
  def request_reply_large(_request, _payload), do: missing()
  def request_refuse(_request, _number, _text, _maybe_executed), do: missing()
  def request_fail(_request, _failure), do: missing()
  def topic_publish(_native, _what, _latest), do: missing()
  def topic_publish_large(_native, _what, _latest), do: missing()
  def topic_subscribe(_native, _topic, _queue, _buffer), do: missing()
  def topic_take(_subscriber, _max), do: missing()
  def topic_close(_subscriber), do: missing()
  def topic_subscribers(_native, _topic), do: missing()
  def topic_list(_native), do: missing()
  def state_get(_native, _member, _key), do: missing()
  def state_entries(_native, _prefix), do: missing()
  def state_watch(_native, _prefix, _replay), do: missing()
  def state_take(_watch, _max), do: missing()
  def state_close(_watch), do: missing()
  def monitor_begin(_native, _target), do: missing()
  def monitor_end(_monitor), do: missing()
  def loop_turned(_native), do: missing()
  def loop_state(_native, _member), do: missing()
  def stream_open(_native, _sent, _times), do: missing()
  def stream_serve(_native, _request), do: missing()
  def stream_send(_stream, _item), do: missing()
  def stream_send_large(_stream, _item), do: missing()
  def stream_resend(_stream), do: missing()
  def stream_take(_stream, _max), do: missing()
  def stream_finish(_stream), do: missing()
  def stream_stop(_stream), do: missing()
  def stream_answered(_stream), do: missing()
  def stream_close(_stream), do: missing()
  def map_read(_native, _map, _key), do: missing()
  def map_entries(_native, _map, _prefix), do: missing()
  def map_watch(_native, _map, _prefix, _replay), do: missing()
  def map_take(_watch, _max), do: missing()
  def map_close(_watch), do: missing()
  def panic(_message), do: missing()
  def panic_direct(_message), do: missing()
  def specimen, do: missing()

  defp missing, do: :erlang.nif_error(:nif_not_loaded)
end
