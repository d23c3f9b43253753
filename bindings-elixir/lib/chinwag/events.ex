defmodule Chinwag.Events do
  @moduledoc false
  # Hands the events of one node to its subscribers. A message is sent only while the subscriber's
  # mailbox is shorter than `limit`; one that falls behind is passed over, and told by a single
  # `:events_lost` once it has caught up.

  alias Chinwag.{Native, Telemetry}

  @enforce_keys [:name, :native, :limit]
  defstruct [:name, :native, :limit, subscribers: %{}]

  # `seen`: number of the last event that it knows of, by whatever way.
  # `room`: messages that its mailbox surely has room for.
  defmodule Subscriber do
    @moduledoc false
    @enforce_keys [:monitor, :seen, :seq]
    defstruct [:monitor, :seen, :seq, room: 0, behind: false]
  end

  def new(name, native, limit), do: %__MODULE__{name: name, native: native, limit: limit}

  @doc "Adds a subscriber, or starts it anew. The snapshot leaves no gap and repeats no event."
  def subscribe(events, pid, options) do
    events = unsubscribe(events, pid)
    {seen, members} = Native.snapshot(events.native)
    subscriber = %Subscriber{monitor: Process.monitor(pid), seen: seen, seq: options[:seq]}

    if options[:replay] do
      for m <- members, m.state in [:alive, :suspect] do
        deliver(events, pid, subscriber, seen, {:member_join, m})
      end

      deliver(events, pid, subscriber, seen, :replay_done)
    end

    put(events, pid, subscriber)
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
  def publish(events, batch), do: Enum.reduce(batch, events, &publish_one/2)

  # The owner's own replay; subscribers get theirs.
  defp publish_one({_seq, :replay_done}, events), do: events

  defp publish_one({seq, event}, events) do
    Telemetry.event(events.name, seq, event)
    Enum.reduce(events.subscribers, events, &offer(&2, &1, seq, event))
  end

  defp offer(events, {_pid, %{behind: true}}, _seq, _event), do: events
  defp offer(events, {_pid, %{seen: seen}}, seq, _event) when seq <= seen, do: events

  defp offer(events, {pid, %{room: 0} = subscriber}, seq, event) do
    case events.limit - queue_length(pid) do
      room when room > 0 -> offer(events, {pid, %{subscriber | room: room}}, seq, event)
      _ -> put(events, pid, %{subscriber | behind: true})
    end
  end

  defp offer(events, {pid, subscriber}, seq, event) do
    deliver(events, pid, subscriber, seq, since(event, seq - subscriber.seen))
    put(events, pid, %{subscriber | seen: seq, room: subscriber.room - 1})
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
    {seq, members} = Native.snapshot(events.native)
    lost = {:events_lost, seq - subscriber.seen, members}
    deliver(events, pid, subscriber, seq, lost)
    put(events, pid, %{subscriber | seen: seq, behind: false, room: 0})
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
