defmodule Chinwag.Server do
  @moduledoc """
  A named server that is a function, for a supervisor, and the handle of any server of this node.

      children = [
        {Chinwag, name: MyApp.Mesh, node: "web-1"},
        {Chinwag.Server, mesh: MyApp.Mesh, name: "price", handler: &MyApp.Price.handle/2}
      ]

      Supervisor.start_link(children, strategy: :rest_for_one)

  Options: `:mesh`, `:name` and `:handler`, and those of `Chinwag.serve/4`. It ends with the node,
  so start it after that, as above.
  """

  use GenServer

  alias Chinwag.{Answering, Codec, Error, Handler, Native, Node, Pace, Sender, Streaming}

  @typedoc "The process of a server, or the name under which it is served."
  @type handle :: pid() | {Chinwag.mesh(), String.t()}

  @options [concurrency: 1, mailbox: nil, expose_stack: false, operations: nil]

  @doc false
  def child_spec(options) do
    id = {__MODULE__, options[:mesh], options[:name]}
    %{id: id, start: {__MODULE__, :start_link, [options]}}
  end

  @doc """
  Starts a server that is linked to the caller. The error is a `Chinwag.Error`: `:server_exists`,
  `:bad_argument` or `:closed`.
  """
  @spec start_link(keyword()) :: {:ok, pid()} | {:error, Error.t()}
  def start_link(options) do
    {own, options} = Keyword.split(options, [:mesh, :name, :handler])
    handler = own[:handler]

    if is_function(handler, 2) or is_function(handler, 3),
      do: begin(:start_link, own[:mesh], own[:name], handler, options),
      else: {:error, Error.new(:bad_argument, "handler: is a function of two or three arguments")}
  end

  @doc false
  # Has a process be a server, until it ends.
  def register(mesh, name, pid, options), do: begin(:start, mesh, name, pid, options)

  # A start that fails must not take down who is linked.
  defp begin(start, mesh, name, target, options) do
    tag = make_ref()
    options = options |> Keyword.validate!(@options) |> Map.new()
    start_in = {mesh, name, target, options, {self(), tag}}

    case apply(GenServer, start, [__MODULE__, start_in]) do
      :ignore -> receive do: ({^tag, error} -> {:error, error})
      outcome -> outcome
    end
  end

  @doc "Holds messages back, up to the mailbox's bounds, until `resume/1`."
  @spec pause(handle()) :: :ok | {:error, Error.t()}
  def pause(server), do: ask(server, {:pause, true})

  @doc "Hands messages over again."
  @spec resume(handle()) :: :ok | {:error, Error.t()}
  def resume(server), do: ask(server, {:pause, false})

  @doc """
  Takes the server off. Calls that it has not answered are answered with `:no_server`; a handler
  that is at work ends as it would. Stopping again does nothing. Who follows the server
  with `Chinwag.monitor/2` hears the reason, of which 256 bytes travel.
  """
  @spec stop(handle(), String.t()) :: :ok
  def stop(server, reason \\ "") when is_binary(reason) do
    _ = ask(server, {:stop, reason})
    :ok
  end

  defp ask({mesh, name}, request) do
    case find(mesh, name) do
      {_process, server} -> ask(server, request)
      nil -> {:error, Error.new(:no_server, "this node has no server #{inspect(name)}")}
    end
  end

  defp ask(server, request) when is_pid(server) do
    GenServer.call(server, request, :infinity)
  catch
    :exit, _ -> {:error, Error.new(:no_server, "this server is no more")}
  end

  @doc false
  # The process of a name of this node, and its server.
  def find(mesh, name) do
    with {:ok, table} <- Node.servers(mesh),
         [{^name, process, server}] <- :ets.lookup(table, name),
         true <- Process.alive?(server) do
      {process, server}
    else
      _ -> nil
    end
  rescue
    # The node has just gone.
    ArgumentError -> nil
  end

  @impl true
  def init({mesh, name, target, options, {starter, tag}}) do
    with :ok <- check(options),
         {:ok, native} <- Node.fetch(mesh),
         {:ok, table} <- Node.servers(mesh),
         {:ok, server} <- Native.server_start(native, name, options.mailbox) do
      process = if is_pid(target), do: target, else: self()
      monitor = if is_pid(target), do: Process.monitor(target)
      true = :ets.insert(table, {name, process, self()})

      state = %{
        mesh: mesh,
        name: name,
        table: table,
        server: server,
        target: target,
        monitor: monitor,
        options: options,
        # Calls that the process has yet to answer, by number: `{request, op}`.
        open: %{},
        # Handlers at work, by their monitors, with what they are to answer.
        running: %{},
        timer: nil,
        looks: 0
      }

      {:ok, state, {:continue, :pull}}
    else
      {:error, error} ->
        send(starter, {tag, error})
        :ignore
    end
  end

  defp check(%{concurrency: concurrency, operations: operations, expose_stack: expose}) do
    cond do
      not (is_integer(concurrency) and concurrency > 0) -> bad("concurrency: is at least 1")
      not is_boolean(expose) -> bad("expose_stack: is true or false")
      operations != nil and not is_list(operations) -> bad("operations: is a list of names")
      true -> :ok
    end
  end

  defp bad(message), do: {:error, Error.new(:bad_argument, message)}

  @impl true
  def handle_continue(:pull, state), do: pull(state)

  @impl true
  def handle_call({:pause, paused}, _from, state),
    do: {:reply, Native.server_pause(state.server, paused), state}

  def handle_call({:stop, reason}, _from, state),
    do: {:stop, :normal, :ok, leave(state, reason)}

  @impl true
  def handle_info({Native, _word}, state), do: pull(state)
  def handle_info(:look, state), do: pull(%{state | timer: nil})

  # What a GenServer answers.
  def handle_info({{Chinwag, number, call, _sender}, value}, state) do
    _ = Answering.answer(call, value)
    state = %{state | open: Map.delete(state.open, number)}
    # Something waits, and there may be room for it now.
    if state.timer, do: pull(state), else: {:noreply, state}
  end

  def handle_info({:DOWN, monitor, :process, _pid, reason}, %{monitor: monitor} = state) do
    for {_number, {request, op}} <- state.open, do: Answering.gone(request, op, reason)
    {:stop, :normal, leave(state, Answering.last_words(reason))}
  end

  def handle_info({:DOWN, monitor, :process, _pid, reason}, state) do
    {call, running} = Map.pop(state.running, monitor)

    case reason do
      :normal -> :ok
      # Somebody else will answer. Nobody, if only the garbage of this process has the call.
      {:shutdown, :noreply} -> send(self(), :sweep)
      reason -> call && Answering.ended(elem(call, 0), "exit", reason, nil)
    end

    pull(%{state | running: running})
  end

  def handle_info(:sweep, state) do
    :erlang.garbage_collect()
    {:noreply, state}
  end

  def handle_info(_other, state), do: {:noreply, state}

  @impl true
  def terminate(_reason, state), do: leave(state)

  # Only its own entry: there may be a new server of that name.
  defp leave(state, words \\ "") do
    _ = Native.server_stop(state.server, words)

    try do
      :ets.match_delete(state.table, {state.name, :_, self()})
    rescue
      # The node was closed, and its table with it.
      ArgumentError -> true
    end

    state
  end

  # Takes as many messages as there is room for.
  defp pull(state) do
    {messages, given_up, next} = Native.server_take(state.server, room(state))
    state = Enum.reduce(messages, %{state | open: Map.drop(state.open, given_up)}, &hand_over/2)

    cond do
      next == :ended -> {:stop, :normal, leave(state)}
      next == :later -> {:noreply, %{state | looks: 0}}
      # The end of a handler tells that there is room.
      is_function(state.target) and room(state) == 0 -> {:noreply, state}
      is_function(state.target) -> {:noreply, Pace.again(state)}
      messages == [] -> {:noreply, Pace.look(state)}
      true -> {:noreply, Pace.look(%{state | looks: 0})}
    end
  end

  defp room(%{target: target, options: options}) when is_pid(target),
    do: Pace.room(target, min(Pace.window(), options.mailbox || Pace.window()))

  defp room(%{running: running, options: options}),
    do: max(0, options.concurrency - map_size(running))

  defp hand_over({call, op, {codec, _} = payload, sender, streams?}, state) do
    stream = if streams?, do: stream(state.mesh, call)
    call = with {number, request} <- call, do: {number, {request, codec}}
    sender = Sender.new(sender, with({_number, call} <- call, do: call), stream)

    case known(op, state.options) && Codec.decode(payload) do
      {:ok, value} ->
        deliver(call, op, value, sender, state)

      nil ->
        refuse(call, Error.unknown_op(op), state)

      {:error, error} ->
        refuse(call, error, state)
    end
  end

  # There is none if the node has just been closed, or the call given up.
  defp stream(mesh, {_number, request}) do
    case Streaming.serve(mesh, request) do
      {:ok, stream} -> stream
      {:error, _error} -> nil
    end
  end

  defp known(_op, %{operations: nil}), do: true
  defp known(op, %{operations: known}), do: op in known || nil

  defp refuse(nil, _error, state), do: state

  defp refuse({_number, {request, _codec}}, error, state) do
    _ = Answering.refuse(request, error)
    state
  end

  defp deliver(nil, op, value, _sender, %{target: pid} = state) when is_pid(pid) do
    send(pid, {:"$gen_cast", {op, value}})
    state
  end

  defp deliver({number, call}, op, value, sender, %{target: pid} = state) when is_pid(pid) do
    from = {self(), {Chinwag, number, call, sender}}
    send(pid, {:"$gen_call", from, {op, value}})
    %{state | open: Map.put(state.open, number, {elem(call, 0), op})}
  end

  defp deliver(call, op, value, sender, state) do
    call = with {_number, call} <- call, do: call
    %{target: handler, options: options} = state
    {_pid, monitor} = spawn_monitor(Handler, :run, [handler, op, value, sender, options])
    %{state | running: Map.put(state.running, monitor, call)}
  end
end
