defmodule Chinwag.Feed do
  @moduledoc false
  # Hands to one process what comes for it, as messages, as fast as it reads them. One process for
  # each, which ends with that one, when it is told to, and with the node.

  use GenServer

  alias Chinwag.{Native, Node, Pace}

  @typedoc "What is taken from, such as a subscriber of a topic."
  @type source :: term()

  @doc "Opens a source for the calling process."
  @callback open(Native.t(), arguments :: term()) :: {:ok, source()} | {:error, Chinwag.Error.t()}

  @doc "Takes up to so many messages."
  @callback take(source(), arguments :: term(), max :: non_neg_integer()) ::
              {[message :: term()], :more | :later | :ended}

  @doc "Closes a source."
  @callback close(source()) :: term()

  @doc "Starts one for the calling process. If there is one under that name, it is stopped first."
  def start(mesh, module, name, arguments) do
    stop(mesh, module, name)
    start_for(self(), mesh, module, name, arguments)
  end

  @doc "Starts one for a process of this VM that has none under that name."
  def start_for(process, mesh, module, name, arguments) do
    case GenServer.start(__MODULE__, {mesh, {module, process, name}, arguments}) do
      {:ok, _pid} -> :ok
      {:error, {:shutdown, error}} -> {:error, error}
    end
  end

  @doc "Stops one of a process: no message comes any more."
  def stop(mesh, module, name, process \\ self()) do
    with feed when feed != nil <- find(mesh, module, name, process),
         do: GenServer.call(feed, :stop, :infinity)

    :ok
  catch
    # It has just ended by itself.
    :exit, _ -> :ok
  end

  @doc "The one of a process, or `nil`."
  def find(mesh, module, name, process) do
    with {:ok, table} <- Node.servers(mesh),
         [{_key, _process, feed}] <- select(table, {{module, process, name}, :_, :_}) do
      feed
    else
      _ -> nil
    end
  end

  @doc "The processes that have one under that name."
  def processes(mesh, module, name) do
    case Node.servers(mesh) do
      {:ok, table} ->
        for {_key, pid, _feed} <- select(table, {{module, :_, name}, :_, :_}), do: pid

      {:error, _closed} ->
        []
    end
  end

  defp select(table, pattern) do
    :ets.match_object(table, pattern)
  rescue
    # The node was closed, and its table with it.
    ArgumentError -> []
  end

  @impl true
  def init({mesh, {module, process, _name} = key, arguments}) do
    with {:ok, native} <- Node.fetch(mesh),
         {:ok, table} <- Node.servers(mesh),
         {:ok, source} <- module.open(native, arguments) do
      true = :ets.insert(table, {key, process, self()})
      _ = Process.monitor(process)

      state = %{
        mesh: mesh,
        process: process,
        module: module,
        source: source,
        arguments: arguments,
        table: table,
        key: key,
        timer: nil,
        looks: 0
      }

      {:ok, state, {:continue, :pull}}
    else
      {:error, error} -> {:stop, {:shutdown, error}}
    end
  end

  @impl true
  def handle_continue(:pull, state), do: pull(state)

  @impl true
  # Whoever asks is answered after `terminate/2`.
  def handle_call(:stop, _from, state), do: {:stop, :normal, :ok, state}

  @impl true
  def handle_info({Native, _word}, state), do: pull(state)
  def handle_info(:look, state), do: pull(%{state | timer: nil})

  def handle_info({:DOWN, _monitor, :process, _process, _reason}, state),
    do: {:stop, :normal, state}

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state), do: leave(state)

  defp leave(state) do
    _ = state.module.close(state.source)
    # Only its own entry: there may be a new one of that name.
    :ets.match_delete(state.table, {state.key, :_, self()})
  rescue
    # The node was closed, and its table with it.
    ArgumentError -> true
  end

  defp pull(state) do
    {messages, next} = state.module.take(state.source, state.arguments, Pace.room(state.process))
    for message <- messages, do: send(state.process, {:chinwag, state.mesh, message})

    cond do
      next == :ended -> {:stop, :normal, state}
      next == :later -> {:noreply, %{state | looks: 0}}
      messages == [] -> {:noreply, Pace.look(state)}
      true -> {:noreply, Pace.look(%{state | looks: 0})}
    end
  end
end
