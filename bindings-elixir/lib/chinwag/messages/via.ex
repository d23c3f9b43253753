defmodule Chinwag.Via do
  @moduledoc """
  The names of servers as names of processes: `Chinwag.via/3` makes them.

  A GenServer that is started under one is a server of the node, until it ends. `GenServer.call/3`
  and `GenServer.cast/2` with one reach a server of this node as the process that it is, with
  whatever term; and one elsewhere, in whatever language, with `{op, payload}`, through a process
  that stands for it. Such a call exits as others do: with `:noproc` where there is no such
  server, with `:timeout`, with `{:nodedown, target}`, and with a `Chinwag.Error` for what
  GenServers have no word for.
  """

  alias Chinwag.{Codec, Error, Handler, Messages, Native, Node, Server}

  # Milliseconds that a process waits for what it was looked up for.
  @unused 5_000
  @asking [timeout: nil, headers: [], codec: :msgpack]

  @type name ::
          {Chinwag.mesh(), Messages.target()} | {Chinwag.mesh(), Messages.target(), keyword()}

  @doc false
  @spec register_name(name(), pid()) :: :yes | :no
  def register_name(name, pid) when node(pid) == node() do
    {mesh, server, options} = parts(name)

    case Server.register(mesh, server, pid, Keyword.drop(options, Keyword.keys(@asking))) do
      {:ok, _server} -> :yes
      {:error, %Error{code: :server_exists}} -> :no
      {:error, error} -> raise error
    end
  end

  @doc false
  @spec unregister_name(name()) :: :ok
  def unregister_name(name) do
    {mesh, server, _options} = parts(name)
    Server.stop({mesh, server})
  end

  @doc false
  @spec whereis_name(name()) :: pid() | :undefined
  def whereis_name(name) do
    {mesh, target, options} = parts(name)

    with {:ok, native} <- Node.fetch(mesh),
         {:ok, hosts} <- hosts(native, target) do
      own = Native.local(native).name

      case place(target) do
        {server, :any} -> found(mesh, server) || stand_in(hosts, mesh, target, options)
        {server, {:at, ^own}} -> found(mesh, server) || :undefined
        {_server, {:at, node}} -> stand_in(hosts -- hosts -- [node], mesh, target, options)
        {_server, :owner} -> stand_in(hosts, mesh, target, options)
      end
    else
      _ -> :undefined
    end
  end

  @doc false
  @spec send(name(), term()) :: pid()
  def send(name, message) do
    case whereis_name(name) do
      pid when is_pid(pid) ->
        Kernel.send(pid, message)
        pid

      :undefined ->
        exit({:badarg, {name, message}})
    end
  end

  defp parts({mesh, target}), do: {mesh, target, []}
  defp parts({mesh, target, options}), do: {mesh, target, options}

  # Whom a target is for: the core judges the names.
  defp place(target) do
    case String.split(target, ["@", "#"], parts: 2) do
      [server] -> {server, :any}
      [server, rest] -> {server, place(target, byte_size(server), rest)}
    end
  end

  defp place(target, at, node),
    do: if(:binary.at(target, at) == ?@, do: {:at, node}, else: :owner)

  defp hosts(native, target) when is_binary(target) do
    {server, _place} = place(target)

    case Native.message_hosts(native, server) do
      hosts when is_list(hosts) -> {:ok, hosts}
      error -> error
    end
  end

  defp hosts(_native, _target), do: :error

  defp found(mesh, server) do
    with {process, _server} <- Server.find(mesh, server), do: process
  end

  defp stand_in([], _mesh, _target, _options), do: :undefined

  defp stand_in(_hosts, mesh, target, options) do
    if starting?() do
      :undefined
    else
      # Asked by the process that is going to call: what is left of its time is left for the call.
      left = Handler.left()
      spawn(fn -> wait(mesh, target, options, left) end)
    end
  end

  # Whoever starts a process looks its name up first, to see whether it is taken. That others host
  # it too is no reason not to.
  defp starting? do
    {:current_stacktrace, stack} = Process.info(self(), :current_stacktrace)
    Enum.any?(stack, &match?({:gen, :start, _arity, _location}, &1))
  end

  defp wait(mesh, target, options, left) do
    receive do
      {:"$gen_call", {client, _tag} = from, {op, payload}} ->
        monitor = Process.monitor(client)
        GenServer.reply(from, ask(mesh, {target, op, payload}, options, {left, monitor}))

      {:"$gen_cast", {op, payload}} ->
        options = Keyword.take(options, Keyword.keys(@asking))
        _ = Messages.cast(mesh, target, op, payload, options)

      other ->
        exit({:badarg, other})
    after
      @unused -> :ok
    end
  end

  defp ask(mesh, {target, op, payload}, options, {left, monitor}) do
    options = Keyword.merge(@asking, Keyword.take(options, Keyword.keys(@asking)))
    tag = make_ref()

    outcome =
      with {:ok, native} <- Node.fetch(mesh),
           {:ok, payload} <- Codec.encode(payload, options[:codec]),
           sent = {target, op, payload, options[:headers]},
           {:ok, pending} <- Native.begin(native, tag, sent, {options[:timeout], left}) do
        receive do
          {^tag, outcome} -> Native.settled(pending, outcome)
          # Nobody waits any more: with this process the call is given up.
          {:DOWN, ^monitor, :process, _client, _reason} -> exit(:normal)
        end
      end

    with {:ok, answer} <- outcome, {:ok, value} <- Codec.decode(answer) do
      value
    else
      {:error, error} -> exit(reason(error, target))
    end
  end

  defp reason(%Error{code: :no_server}, _target), do: :noproc
  defp reason(%Error{code: :timeout}, _target), do: :timeout
  defp reason(%Error{code: :node_down}, target), do: {:nodedown, target}
  defp reason(error, _target), do: error
end
