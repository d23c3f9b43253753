defmodule Chinwag.Events do
  @moduledoc false
  # Hands the events of one node to its subscribers. A message is sent only while the subscriber's
  # mailbox is shorter than `limit`; one that falls behind is passed over, and told by a single
  # `:events_lost` once it has caught up.

  alias Chinwag.{Native, Telemetry}

  # How much of its room a subscriber is sent before its mailbox is looked at again: to look also
  # waits for one that runs elsewhere to come up with what it was sent.
  @look_after 128

  # What the replay tells as well, and what the ring itself tells.
  @retold [:member_join, :member_leave, :member_failed, :member_update, :member_suspect] ++
            [:member_recover, :member_reap, :member_move, :replay_done, :ring_change]

  # What those hear who have subscribed to `:ring`. All else is of `:members`, but for losses, which
  # everybody is told.
  @of_rings [:ring_change, :handoff_prepare, :handoff_acquired]
  defguardp is_of_ring(event) when is_tuple(event) and elem(event, 0) in @of_rings

  # The core bounds the bytes that it keeps for a reader; this is the reader.
  @unheard_max 256
  @unheard_bytes 1_048_576

  # `unheard`: what came before the first subscriber to a topic, for it: `{seq, event}`, the newest
  # first, and how many more there were.
  @enforce_keys [:name, :native, :limit]
  defstruct [
    :name,
    :native,
    :limit,
    subscribers: %{},
    unheard: %{members: {[], 0}, ring: {[], 0}}
  ]

  # `seen`: number of the last event that it knows of, by whatever way.
  # `topics`: which it has asked for, as a map: each event is looked up there.
  # `room`: messages that its mailbox surely has room for.
  # `first`: of which topics what nobody has heard is for it, also what is on its way; until it
  # hears of something new, or has been told what it missed.
  defmodule Subscriber do
    @moduledoc false
    @enforce_keys [:monitor, :seen, :seq, :topics, :first]
    defstruct [:monitor, :seen, :seq, :topics, :first, room: 0, behind: false]
  end

  @doc "The topics of a subscription, at least one."
  def topics([_ | _] = topics), do: topics |> Enum.map(&known/1) |> Enum.uniq()
  def topics(topic), do: [known(topic)]

  defp known(topic) when topic in [:members, :ring], do: topic

  def new(name, native, limit), do: %__MODULE__{name: name, native: native, limit: limit}

  @doc "Adds a subscriber, or starts it anew. The snapshot leaves no gap and repeats no event."
  def subscribe(events, pid, options) do
    events = unsubscribe(events, pid)
    {seen, members} = Native.others(events.native)
    monitor = Process.monitor(pid)
    {unheard, others} = Map.split(events.unheard, options[:topics])

    subscriber = %Subscriber{
      monitor: monitor,
      seen: seen,
      seq: options[:seq],
      topics: Map.new([:members, :ring], &{&1, &1 in options[:topics]}),
      first: Map.keys(unheard)
    }

    done = if options[:replay], do: [:replay_done], else: []

    for event <- joins(members, options) ++ told(unheard, members) ++ done do
      deliver(events, pid, subscriber, seen, event)
    end

    put(%{events | unheard: others}, pid, subscriber)
  end

  defp joins(members, options) do
    if options[:replay] and :members in options[:topics],
      do: for(m <- members, m.state in [:alive, :suspect], do: {:member_join, m}),
      else: []
  end

  # In their order, also those of several topics.
  defp told(unheard, members) do
    {kept, lost} = unheard |> Map.values() |> Enum.unzip()
    kept = kept |> Enum.concat() |> Enum.sort_by(&elem(&1, 0)) |> Enum.map(&elem(&1, 1))

    case Enum.sum(lost) do
      0 -> kept
      lost -> [{:events_lost, lost, members} | kept]
    end
  end

  def unsubscribe(events, pid) do
    case Map.pop(events.subscribers, pid) do
      {nil, _} ->
        events

      {subscriber, subscribers} ->
        Process.demonitor(subscriber.monitor, [:flush])
        %{events | subscribers: subscribers}
    end
  end

  @doc "Hands out events of the core, in their order."
  def publish(events, batch) do
    if Telemetry.used?(), do: Enum.each(batch, &emit(events.name, &1))
    events = keep(events, batch)

    subscribers =
      Map.new(events.subscribers, fn {pid, subscriber} ->
        {pid, offer(batch, events, pid, subscriber)}
      end)

    %{events | subscribers: subscribers}
  end

  defp keep(%{unheard: unheard} = events, _batch) when unheard == %{}, do: events

  defp keep(events, batch) do
    Enum.reduce(events.unheard, events, fn {topic, kept}, events ->
      case for {_, event} = one <- batch, topic(event) == topic and said?(event), do: one do
        [] -> events
        said -> put_in(events.unheard[topic], more(kept, said))
      end
    end)
  end

  defp more({kept, lost}, said) do
    all = Enum.reverse(said, kept)
    kept = bounded(all)
    {kept, lost + length(all) - length(kept)}
  end

  # The newest, as many as there is room for; one in any case.
  defp bounded([newest | older]) do
    {older, _} =
      older
      |> Enum.take(@unheard_max - 1)
      |> Enum.flat_map_reduce(@unheard_bytes - :erlang.external_size(newest), fn event, room ->
        case room - :erlang.external_size(event) do
          left when left >= 0 -> {[event], left}
          _ -> {:halt, room}
        end
      end)

    [newest | older]
  end

  defp bounded([]), do: []

  # Whether nothing but the event itself tells it.
  defp said?(event) when is_atom(event), do: event not in @retold
  defp said?(event), do: elem(event, 0) not in @retold

  # What was lost before somebody asked for rings was hardly of them.
  defp topic(event) when is_of_ring(event), do: :ring
  defp topic(_event), do: :members

  defp wanted?(event, topics) when is_of_ring(event), do: topics.ring
  defp wanted?({:events_lost, _count, _members}, _topics), do: true
  defp wanted?(_event, topics), do: topics.members

  # The owner's own replay.
  defp emit(_name, {_seq, :replay_done}), do: :ok
  defp emit(name, {seq, event}), do: Telemetry.event(name, seq, event)

  defp offer([], _events, _pid, subscriber), do: subscriber
  defp offer(_batch, _events, _pid, %{behind: true} = subscriber), do: subscriber

  # Subscribers get a replay of their own.
  defp offer([{seq, event} | rest], events, pid, %{seen: seen} = subscriber)
       when seq <= seen or event == :replay_done do
    if topic(event) in subscriber.first and said?(event),
      do: deliver(events, pid, subscriber, seen, event)

    offer(rest, events, pid, subscriber)
  end

  defp offer([{seq, event} | rest] = batch, events, pid, subscriber) do
    cond do
      not wanted?(event, subscriber.topics) ->
        offer(rest, events, pid, %{subscriber | seen: seq, first: []})

      subscriber.room == 0 ->
        look(batch, events, pid, subscriber)

      true ->
        deliver(events, pid, subscriber, seq, since(event, seq - subscriber.seen))
        left = subscriber.room - 1
        offer(rest, events, pid, %{subscriber | seen: seq, room: left, first: []})
    end
  end

  defp look(batch, events, pid, subscriber) do
    case events.limit - queue_length(pid) do
      room when room > 0 ->
        offer(batch, events, pid, %{subscriber | room: min(room, @look_after)})

      _ ->
        %{subscriber | behind: true}
    end
  end

  # A loss may reach back to before the subscription.
  defp since({:events_lost, count, members}, most), do: {:events_lost, min(count, most), members}
  defp since(event, _most), do: event

  def behind?(events), do: Enum.any?(events.subscribers, fn {_, s} -> s.behind end)

  @doc "Tells those who have caught up what they missed."
  def catch_up(events) do
    for {pid, %{behind: true} = subscriber} <- events.subscribers,
        queue_length(pid) <= div(events.limit, 2),
        reduce: events do
      events -> resume(events, pid, subscriber)
    end
  end

  defp resume(events, pid, subscriber) do
    {seq, members} = Native.others(events.native)
    lost = {:events_lost, seq - subscriber.seen, members}
    deliver(events, pid, subscriber, seq, lost)
    put(events, pid, %{subscriber | seen: seq, behind: false, room: 0, first: []})
  end

  defp deliver(events, pid, %{seq: true}, seq, event) do
    send(pid, {:chinwag, events.name, event, seq})
  end

  defp deliver(events, pid, _subscriber, _seq, event) do
    send(pid, {:chinwag, events.name, event})
  end

  # A dead one is about to be removed.
  defp queue_length(pid) do
    case Process.info(pid, :message_queue_len) do
      {:message_queue_len, length} -> length
      nil -> 0
    end
  end

  defp put(events, pid, subscriber) do
    %{events | subscribers: Map.put(events.subscribers, pid, subscriber)}
  end
end
