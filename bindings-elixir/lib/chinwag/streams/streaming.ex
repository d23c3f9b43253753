defmodule Chinwag.Streaming do
  @moduledoc false
  # One end of a call that streams, in a process of its own: who sends or takes waits for an answer
  # of this process, and so nothing is ever left in a mailbox. The end of who calls ends with the
  # process that has opened it, that of a server with the node, and both with the answer.

  use GenServer

  alias Chinwag.{Error, Native, Node}

  # Items that a reader gets in one go: what it has not asked for waits in the core.
  @batch 16

  @typedoc "What comes behind the items; `nil` if that is yet to come."
  @type ending ::
          nil
          | {:ok, {0..255, binary()}}
          | {:error, Error.t()}
          | {:raise, atom(), term(), list()}
          | :ended

  @doc "Makes a call that streams, for the calling process."
  def open(mesh, sent, times), do: begin({:open, mesh, sent, times, self()})

  @doc "The end of a server."
  def serve(mesh, request), do: begin({:serve, mesh, request})

  defp begin(how) do
    with {:error, {:shutdown, error}} <- GenServer.start(__MODULE__, how), do: {:error, error}
  end

  @doc "Sends an item; waits for room."
  @spec push(pid(), {0..255, binary()}) :: :ok | {:error, Error.t()}
  def push(stream, item), do: ask(stream, {:push, item}, {:error, over()})

  @doc "Takes items, and what comes behind them; waits until there is something."
  @spec take(pid(), pos_integer()) :: {[{0..255, binary()}], ending()}
  def take(stream, max \\ @batch), do: ask(stream, {:take, max}, {[], {:error, over()}})

  @doc "Says that no more items of the request come."
  def finish(stream), do: ask(stream, :finish, {:error, over()})

  @doc "Reads no more items."
  def stop(stream), do: ask(stream, :stop, :ok)

  @doc "Lets it go: a call is given up, unless it is over."
  def close(stream), do: ask(stream, :close, :ok)

  @doc "Has a process that sends the items of the request end with it."
  def filled(stream, writer), do: ask(stream, {:filled, writer}, :ok)

  @doc "Has whoever reads fail as the items of the request did."
  def fail(stream, kind, reason, stack), do: ask(stream, {:fail, {kind, reason, stack}}, :ok)

  defp ask(stream, request, otherwise) do
    GenServer.call(stream, request, :infinity)
  catch
    :exit, _ -> otherwise
  end

  defp over, do: Error.new(:cancelled, "this stream is over")

  @impl true
  def init(how) do
    with {:ok, stream} <- native(how) do
      {:ok,
       %{
         stream: stream,
         caller?: elem(how, 0) == :open,
         reader: nil,
         writers: :queue.new(),
         writer: nil,
         failure: nil
       }}
    else
      {:error, error} -> {:stop, {:shutdown, error}}
    end
  end

  defp native({:open, mesh, sent, times, owner}) do
    _ = Process.monitor(owner)

    with {:ok, native} <- Node.fetch(mesh),
         do: Native.guarded(fn -> Native.stream_open(native, sent, times) end)
  end

  defp native({:serve, mesh, request}) do
    _ = Process.monitor(mesh)
    with {:ok, native} <- Node.fetch(mesh), do: Native.stream_serve(native, request)
  end

  @impl true
  def handle_call({:push, item}, from, state) do
    # One item is held at a time, and those who send others wait for it.
    if :queue.is_empty(state.writers),
      do: write(item, from, state),
      else: {:noreply, %{state | writers: :queue.in({from, item}, state.writers)}}
  end

  def handle_call({:take, _max}, _from, %{reader: {_, _}} = state) do
    error = Error.new(:bad_argument, "another process reads this stream")
    {:reply, {[], {:error, error}}, state}
  end

  def handle_call({:take, max}, from, state), do: read(%{state | reader: {from, max}})
  def handle_call(:finish, _from, state), do: {:reply, Native.stream_finish(state.stream), state}
  def handle_call(:stop, _from, state), do: {:reply, Native.stream_stop(state.stream), state}
  def handle_call(:close, _from, state), do: {:stop, :normal, :ok, state}

  def handle_call({:filled, writer}, _from, state), do: {:reply, :ok, %{state | writer: writer}}

  def handle_call({:fail, failure}, _from, state) do
    _ = Native.stream_close(state.stream)
    {:noreply, state} = read(%{state | failure: failure})
    {:reply, :ok, state}
  end

  @impl true
  def handle_info({Native, _word}, state) do
    if Native.stream_answered(state.stream) do
      {:stop, :normal, state}
    else
      {:noreply, state} = resume(state)
      read(state)
    end
  end

  # Who has opened it is gone; or, of a server, the node, and who waits is told so.
  def handle_info({:DOWN, _monitor, :process, _owner, _reason}, state) do
    {:noreply, state} = resume(state)
    _ = read(state)
    {:stop, :normal, state}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state) do
    if state.writer, do: Process.exit(state.writer, :shutdown)
    Native.stream_close(state.stream)
  end

  defp write(item, from, state) do
    case Native.stream_item(state.stream, item) do
      true -> {:reply, :ok, state}
      false -> {:noreply, %{state | writers: :queue.in_r({from, :held}, state.writers)}}
      error -> {:reply, error, state}
    end
  end

  defp resume(state) do
    case :queue.out(state.writers) do
      {:empty, _} -> {:noreply, state}
      {{:value, {from, item}}, rest} -> resume(from, item, %{state | writers: rest})
    end
  end

  defp resume(from, item, state) do
    outcome =
      if item == :held,
        do: Native.stream_resend(state.stream),
        else: Native.stream_item(state.stream, item)

    case outcome do
      false ->
        {:noreply, %{state | writers: :queue.in_r({from, :held}, state.writers)}}

      outcome ->
        GenServer.reply(from, if(outcome == true, do: :ok, else: outcome))
        resume(state)
    end
  end

  defp read(%{reader: nil} = state), do: {:noreply, state}

  defp read(%{reader: {from, _max}, failure: {kind, reason, stack}} = state) do
    GenServer.reply(from, {[], {:raise, kind, reason, stack}})
    {:noreply, %{state | reader: nil}}
  end

  defp read(%{reader: {from, max}} = state) do
    case Native.stream_take(state.stream, max) do
      {[], nil} ->
        {:noreply, state}

      {_items, ending} = taken ->
        GenServer.reply(from, taken)
        # Behind the answer, nothing comes and nothing goes. A server may still send.
        if ending != nil and state.caller?,
          do: {:stop, :normal, %{state | reader: nil}},
          else: {:noreply, %{state | reader: nil}}
    end
  end
end
