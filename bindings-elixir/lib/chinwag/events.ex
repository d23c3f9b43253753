defmodule Chinwag.Events do
  @moduledoc false
  # Hands the events of one node to its subscribers. A message is sent only while the subscriber's
  # mailbox is shorter than `limit`; one that falls behind is passed over, and told by a single
  # `:events_lost` once it has caught up.

  alias Chinwag.{Native, Telemetry}

  # How much of its room a subscriber is sent before its mailbox is looked at again: to look also
  # waits for one that runs elsewhere to come up with what it was sent.
  @look_after 128

  # What the replay tells as well.
  @of_members [:member_join, :member_leave, :member_failed, :member_update, :member_suspect] ++
                [:member_recover, :member_reap, :member_move, :replay_done]

  # The core bounds the bytes that it keeps for a reader; this is the reader.
  @unheard_max 256
  @unheard_bytes 1_048_576

  # `unheard`: what came before the first subscriber, for it; the newest first.
  @enforce_keys [:name, :native, :limit]
  defstruct [:name, :native, :limit, subscribers: %{}, unheard: [], unheard_lost: 0]

  # `seen`: number of the last event that it knows of, by whatever way.
  # `room`: messages that its mailbox surely has room for.
  # `first`: what nobody has heard is for it, also what is on its way; until it hears of something
  # new, or has been told what it missed.
  defmodule Subscriber do
    @moduledoc false
    @enforce_keys [:monitor, :seen, :seq, :first]
    defstruct [:monitor, :seen, :seq, :first, room: 0, behind: false]
  end

  def new(name, native, limit), do: %__MODULE__{name: name, native: native, limit: limit}

  @doc "Adds a subscriber, or starts it anew. The snapshot leaves no gap and repeats no event."
  def subscribe(events, pid, options) do
    events = unsubscribe(events, pid)
    {seen, members} = Native.others(events.native)
    monitor = Process.monitor(pid)
    first = events.unheard != nil
    subscriber = %Subscriber{monitor: monitor, seen: seen, seq: options[:seq], first: first}
    joins = for m <- members, m.state in [:alive, :suspect], do: {:member_join, m}
    {before, done} = if options[:replay], do: {joins, [:replay_done]}, else: {[], []}

    for event <- before ++ unheard(events, members) ++ done do
      deliver(events, pid, subscriber, seen, event)
    end

    put(%{events | unheard: nil}, pid, subscriber)
  end

  defp unheard(%{unheard: nil}, _members), do: []
  defp unheard(%{unheard: kept, unheard_lost: 0}, _members), do: Enum.reverse(kept)

  defp unheard(%{unheard: kept, unheard_lost: lost}, members) do
    [{:events_lost, lost, members} | Enum.reverse(kept)]
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

  defp keep(%{unheard: nil} = events, _batch), do: events

  defp keep(events, batch) do
    case for {_seq, event} <- batch, said?(event), do: event do
      [] ->
        events

      said ->
        all = Enum.reverse(said, events.unheard)
        kept = bounded(all)
        lost = events.unheard_lost + length(all) - length(kept)
        %{events | unheard: kept, unheard_lost: lost}
    end
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
  defp said?(event) when is_atom(event), do: event not in @of_members
  defp said?(event), do: elem(event, 0) not in @of_members

  # The owner's own replay.
  defp emit(_name, {_seq, :replay_done}), do: :ok
  defp emit(name, {seq, event}), do: Telemetry.event(name, seq, event)

  defp offer([], _events, _pid, subscriber), do: subscriber
  defp offer(_batch, _events, _pid, %{behind: true} = subscriber), do: subscriber

  # Subscribers get a replay of their own.
  defp offer([{seq, event} | rest], events, pid, %{seen: seen} = subscriber)
       when seq <= seen or event == :replay_done do
    if subscriber.first and said?(event), do: deliver(events, pid, subscriber, seen, event)
    offer(rest, events, pid, subscriber)
  end

  defp offer(batch, events, pid, %{room: 0} = subscriber) do
    case events.limit - queue_length(pid) do
      room when room > 0 ->
        offer(batch, events, pid, %{subscriber | room: min(room, @look_after)})

      _ ->
        %{subscriber | behind: true}
    end
  end

  defp offer([{seq, event} | rest], events, pid, subscriber) do
    deliver(events, pid, subscriber, seq, since(event, seq - subscriber.seen))
    offer(rest, events, pid, %{subscriber | seen: seq, room: subscriber.room - 1, first: false})
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
    put(events, pid, %{subscriber | seen: seq, behind: false, room: 0, first: false})
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
