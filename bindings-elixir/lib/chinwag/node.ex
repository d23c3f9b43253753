defmodule Chinwag.Node do
  @moduledoc false
  # The owner of a node. It starts it, hands its events on, and says goodbye when it ends; if it is
  # killed, the native side closes the node. Calls of the API do not pass through it: they find the
  # native node in the table that bears the node's name.

  use GenServer

  alias Chinwag.{Config, Error, Events, Native}

  # How often those who are behind are looked at.
  @catch_up_interval 100
  @call_timeout 30_000
  @calling_self "the node's own process, where telemetry handlers run, cannot be its own client"

  def start_link(%Config{} = config) do
    GenServer.start_link(__MODULE__, config, name: config.name)
  end

  @doc "The native node of that name."
  def fetch(mesh) do
    {:ok, :ets.lookup_element(mesh, :native, 2)}
  rescue
    ArgumentError -> {:error, not_running(mesh)}
  end

  @doc "The table of the node's servers, `{name, process, server}`, and of `Chinwag.Feed`."
  def servers(mesh) do
    {:ok, :ets.lookup_element(mesh, :servers, 2)}
  rescue
    ArgumentError -> {:error, not_running(mesh)}
  end

  @doc "Asks the owner; one that is not there is a closed node."
  def call(mesh, request) do
    GenServer.call(mesh, request, @call_timeout)
  catch
    :exit, {:timeout, _} ->
      {:error, Error.new(:timeout, "#{inspect(mesh)} is too busy to answer")}

    :exit, {:calling_self, _} ->
      {:error, Error.new(:bad_argument, @calling_self)}

    :exit, _ ->
      {:error, not_running(mesh)}
  end

  @doc "Closes the node and waits until its process is gone, so that its name is free."
  def close(mesh) do
    monitor = Process.monitor(mesh)

    case call(mesh, :close) do
      {:error, %Error{code: code} = error} when code != :closed ->
        Process.demonitor(monitor, [:flush])
        {:error, error}

      _closed ->
        receive do
          {:DOWN, ^monitor, :process, _, _} -> :ok
        end
    end
  end

  defp not_running(mesh) do
    Error.new(:closed, "no node #{inspect(mesh)} is running; start {Chinwag, name: ...} first")
  end

  @impl true
  def init(config) do
    Process.flag(:trap_exit, true)
    _ = Code.ensure_loaded(:telemetry)

    options = Config.revealed(config)

    with {:ok, native} <- Native.guarded(fn -> Native.start(options) end),
         :ok <- ready(native) do
      publish(config.name, native)
      if config.handle_signals, do: handle_signals(config)
      events = Events.new(config.name, native, event_buffer(config))
      config = Config.spent(config)
      state = %{config: config, native: native, events: events, timer: nil, farewell: true}
      {:ok, state, {:continue, :take}}
    else
      {:error, error} -> {:stop, in_our_words(error)}
    end
  end

  # The core bounds this by `tcp_timeout`.
  defp ready(native) do
    with {:error, error} <- Native.run(native, :ready, :infinity) do
      Native.shut(native)
      {:error, error}
    end
  end

  # Owned by this process, and so gone with it.
  defp publish(name, native) do
    :ets.new(name, [:named_table, :protected, read_concurrency: true])
    # Written by each of them.
    servers = :ets.new(__MODULE__, [:public, read_concurrency: true])
    :ets.insert(name, [{:native, native}, {:servers, servers}])
  end

  # The member's name is `node:` here.
  defp in_our_words(%Error{message: message} = error) do
    %{error | message: String.replace(message, ~s(option "name"), ~s(option "node"))}
  end

  defp event_buffer(config) do
    case List.keyfind(config.options, "event_buffer", 0) do
      {_, text} when is_binary(text) -> String.to_integer(text)
      {_, count} -> count
      nil -> 1_024
    end
  end

  # Under a supervision tree `:init.stop` leaves anyway; a script has none. The VM's own handler
  # runs after this one and stops the VM.
  defp handle_signals(%Config{name: name, leave_timeout: timeout}) do
    System.trap_signal(:sigterm, {Chinwag, name}, fn ->
      _ = Chinwag.leave(name, timeout)
      :ok
    end)
  end

  @impl true
  def handle_call({:subscribe, options}, {pid, _tag}, state) do
    {:reply, :ok, %{state | events: Events.subscribe(state.events, pid, options)}}
  end

  def handle_call(:unsubscribe, {pid, _tag}, state) do
    {:reply, :ok, %{state | events: Events.unsubscribe(state.events, pid)}}
  end

  def handle_call(:close, _from, state) do
    {:stop, :normal, :ok, finish(%{state | farewell: false})}
  end

  @impl true
  def handle_continue(:take, state), do: take(state)

  @impl true
  def handle_info({Native, :events}, state), do: take(state)

  # Asked whether this process, and with it the schedulers, still take messages.
  def handle_info({Native, :turn}, state) do
    :ok = Native.loop_turned(state.native)
    {:noreply, state}
  end

  def handle_info(:catch_up, state) do
    {:noreply, watch(%{state | events: Events.catch_up(state.events), timer: nil})}
  end

  def handle_info({:DOWN, _monitor, :process, pid, _reason}, state) do
    {:noreply, %{state | events: Events.unsubscribe(state.events, pid)}}
  end

  # Linked to somebody who is not the parent: end as an ordinary process would.
  def handle_info({:EXIT, _pid, :normal}, state), do: {:noreply, state}
  def handle_info({:EXIT, _pid, reason}, state), do: {:stop, reason, state}
  def handle_info(_other, state), do: {:noreply, state}

  # One batch at a time, so that whoever asks is answered in between.
  defp take(state) do
    {batch, next} = Native.events(state.native)
    state = watch(%{state | events: Events.publish(state.events, batch)})

    case next do
      :later -> {:noreply, state}
      :more -> {:noreply, again(state)}
      :ended -> {:stop, {:shutdown, Error.new(:closed, "the node ended by itself")}, state}
    end
  end

  # Subscribers read first, if they can: what piles up in a mailbox is copied by each of its garbage
  # collections, which costs more than all else here.
  defp again(state) do
    :erlang.yield()
    send(self(), {Native, :events})
    state
  end

  defp watch(%{timer: nil} = state) do
    case Events.behind?(state.events) do
      true -> %{state | timer: Process.send_after(self(), :catch_up, @catch_up_interval)}
      false -> state
    end
  end

  defp watch(state), do: state

  @impl true
  def terminate(_reason, state), do: finish(state)

  defp finish(%{config: config, native: native} = state) do
    if state.farewell,
      do: Native.run(native, {:leave, config.leave_timeout}, config.leave_timeout)

    Native.shut(native)
    if config.handle_signals, do: System.untrap_signal(:sigterm, {Chinwag, config.name})
    %{state | farewell: false}
  end
end
