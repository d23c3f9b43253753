defmodule Chinwag.Messages do
  @moduledoc """
  Messages to named servers, wherever they live and in whatever language. All of these functions
  are functions of `Chinwag`.

  A *target* is text, the same in every language:

    * `"price"` - any server of that name: this node's, else the nearest known
    * `"price@web-2"` - the one on that member
    * `"price#user:42"` - the one on the member that owns the key, of those that host the name

  For names and keys of others, `Chinwag.Target` makes one in which nothing is taken for an `@`.

  Payloads are MessagePack, as `Chinwag.Payload` has it, unless `codec:` says otherwise: `:json`;
  `:raw`, for iodata as it is; `:etf`, for Erlang's own terms between Elixir and Erlang, without
  functions and without atoms that the other side does not know; a number from 128 on, for bytes
  of a format that the two sides have agreed on. An answer comes in the codec of its question.

  **Delivery.** A call and a cast are delivered at most once. Order is kept from one sender to one
  server, on one connection. Nothing is stored for members that are not here. Who hosts what is
  eventually consistent, as the members and the ring are: for a moment two nodes can both believe
  that they own a key.
  """

  import Chinwag.Operation

  alias Chinwag.{Answering, Codec, Error, Handler, Native, Node, Sender, Server, Telemetry, Via}

  @typedoc "`name`, `name@node` or `name#key`."
  @type target :: String.t()

  @typedoc "What a server is asked for."
  @type op :: String.t() | atom()

  @typedoc "What is sent: anything that its codec can say."
  @type value :: Chinwag.Payload.encodable() | term()

  @type codec :: :msgpack | :json | :raw | :etf | 128..255

  @typedoc "What goes along, such as `%{\"traceparent\" => …}`; 4,096 bytes at most."
  @type headers :: Enumerable.t()

  @type call_option :: {:timeout, timeout()} | {:headers, headers()} | {:codec, codec()}
  @type cast_option :: call_option() | {:latest, boolean()}
  @type multi_option ::
          {:min_ok, non_neg_integer() | nil} | {:timeout, timeout()} | {:codec, codec()}

  @typedoc "What the members answered, and why others did not, by their names."
  @type replies :: {%{String.t() => term()}, %{String.t() => Error.t()}}

  @typedoc "See `serve/4`."
  @type handler ::
          (op :: String.t(), payload :: term() -> term())
          | (op :: String.t(), payload :: term(), Sender.t() -> term())

  @type serve_option ::
          {:concurrency, pos_integer()}
          | {:mailbox, pos_integer()}
          | {:expose_stack, boolean()}
          | {:operations, [String.t()]}

  @doc """
  Asks a server, and waits for its answer.

      {:ok, 7} = Chinwag.call(MyApp.Mesh, "counter@web-2", "incr", 1, timeout: 500)

    * `timeout:` - milliseconds, or `:infinity`; the option `call_timeout` (5,000) unless told. A
      call that a handler of `serve/4` makes has no more than is left of its caller's time.
    * `headers:` - what goes along: a map or keyword list of strings
    * `codec:` - how the payload is encoded, see above

  Errors that are known at once, with nothing sent: `:no_server`, `:node_down`, `:unknown_member`,
  `:overloaded`, `:too_large`, `:codec`, `:bad_argument`. Later: `:timeout`; `:node_down` when the
  member fails meanwhile; `:remote_error` with what the server's code failed with as `remote`;
  `:unknown_op`, and whatever else the server answers. `maybe_executed` says of each whether it
  may have happened all the same. The server is told when the calling process ends before the
  answer.
  """
  @spec call(Chinwag.mesh(), target(), op(), value(), [call_option()]) ::
          {:ok, term()} | {:error, Error.t()}
  def call(mesh, target, op, payload \\ nil, options \\ []) do
    options = Keyword.validate!(options, timeout: nil, headers: [], codec: :msgpack)

    Telemetry.call(mesh, target, op, fn ->
      with {:ok, native} <- Node.fetch(mesh),
           {:ok, payload} <- Codec.encode(payload, options[:codec]),
           sent = {target, op, payload, options[:headers]},
           {:ok, answer} <- Native.ask(native, sent, {options[:timeout], Handler.left()}),
           do: Codec.decode(answer)
    end)
  end

  @doc "As `call/5`; raises `Chinwag.Error`."
  @spec call!(Chinwag.mesh(), target(), op(), value(), [call_option()]) ::
          term()
  def call!(mesh, target, op, payload \\ nil, options \\ []),
    do: mesh |> call(target, op, payload, options) |> bang!()

  @doc """
  Tells a server something; nobody answers. It waits for a connection if there is none, for
  `outbox_age` at most. What is dropped is counted. With `outbox_overflow: :block` and no options
  but `codec:`, it waits for room where there is none.

    * `latest: true` - it takes the place of one to the same server and operation that still waits
    * `timeout:` - milliseconds after which it is of no use any more
    * `headers:`, `codec:` - as for `call/5`

  Errors are those of a call that are known at once: nothing was sent then.
  """
  @spec cast(Chinwag.mesh(), target(), op(), value(), [cast_option()]) ::
          :ok | {:error, Error.t()}
  def cast(mesh, target, op, payload \\ nil, options \\ []) do
    known = [timeout: nil, headers: [], codec: :msgpack, latest: false]
    options = Keyword.validate!(options, known)

    with {:ok, native} <- Node.fetch(mesh),
         {:ok, payload} <- Codec.encode(payload, options[:codec]) do
      sent = {target, op, payload, options[:headers]}

      case Native.tell(native, sent, options[:timeout], options[:latest]) do
        {:error, %Error{code: :overloaded}} = full -> wait_for_room(native, sent, options, full)
        outcome -> outcome
      end
    end
  end

  @doc "As `cast/5`; raises `Chinwag.Error`."
  @spec cast!(Chinwag.mesh(), target(), op(), value(), [cast_option()]) :: :ok
  def cast!(mesh, target, op, payload \\ nil, options \\ []),
    do: mesh |> cast(target, op, payload, options) |> bang!()

  # It comes back at once unless the node's options say that one waits.
  defp wait_for_room(native, {target, op, payload, _headers}, options, full) do
    plain? = options[:timeout] == nil and not options[:latest] and Enum.empty?(options[:headers])

    if plain?,
      do: Native.run(native, {:cast, {target, op, payload}}, :infinity, size(payload)),
      else: full
  end

  @doc """
  Asks the servers of that name on all members, this one included, and waits until `min_ok:` have
  answered, or all if it is not given.

      {:ok, {replies, failed}} = Chinwag.multi_call(MyApp.Mesh, "counter", "get")

  Of those who did not answer, `failed` has the error. `:no_quorum` when fewer than `min_ok:`
  answer; `:no_server` when there is none. `timeout:` and `codec:` as for `call/5`.
  """
  @spec multi_call(Chinwag.mesh(), String.t(), op(), value(), [multi_option()]) ::
          {:ok, replies()} | {:error, Error.t()}
  def multi_call(mesh, server, op, payload \\ nil, options \\ []) do
    options = Keyword.validate!(options, min_ok: nil, timeout: nil, codec: :msgpack)

    Telemetry.operation(mesh, :multi_call, fn ->
      with {:ok, native} <- Node.fetch(mesh),
           {:ok, payload} <- Codec.encode(payload, options[:codec]),
           asked = {server, op, payload, options[:min_ok], options[:timeout]},
           {:ok, told} <- Native.run(native, {:multi_call, asked}, :infinity, size(payload)),
           do: {:ok, replies(told)}
    end)
  end

  @doc "As `multi_call/5`; raises `Chinwag.Error`."
  @spec multi_call!(Chinwag.mesh(), String.t(), op(), value(), [
          multi_option()
        ]) ::
          replies()
  def multi_call!(mesh, server, op, payload \\ nil, options \\ []),
    do: mesh |> multi_call(server, op, payload, options) |> bang!()

  # An answer that cannot be read is none.
  defp replies(%{replies: replies, failed: failed}) do
    Enum.reduce(replies, {%{}, failed}, fn {node, answer}, {replies, failed} ->
      case Codec.decode(answer) do
        {:ok, value} -> {Map.put(replies, node, value), failed}
        {:error, error} -> {replies, Map.put(failed, node, error)}
      end
    end)
  end

  @doc """
  Tells the servers of that name on all members something; how many it was sent to. `:no_server`
  when there is none.
  """
  @spec abcast(Chinwag.mesh(), String.t(), op(), value(), codec: codec()) ::
          {:ok, non_neg_integer()} | {:error, Error.t()}
  def abcast(mesh, server, op, payload \\ nil, options \\ []) do
    options = Keyword.validate!(options, codec: :msgpack)

    Telemetry.operation(mesh, :abcast, fn ->
      with {:ok, native} <- Node.fetch(mesh),
           {:ok, payload} <- Codec.encode(payload, options[:codec]),
           do: Native.run(native, {:abcast, {server, op, payload}}, :infinity, size(payload))
    end)
  end

  @doc "As `abcast/5`; raises `Chinwag.Error`."
  @spec abcast!(Chinwag.mesh(), String.t(), op(), value(), codec: codec()) ::
          non_neg_integer()
  def abcast!(mesh, server, op, payload \\ nil, options \\ []),
    do: mesh |> abcast(server, op, payload, options) |> bang!()

  @doc "Who hosts a server, this node included, in the order of their names."
  @spec hosts(Chinwag.mesh(), String.t()) :: [String.t()]
  def hosts(mesh, server), do: mesh |> native!() |> Native.message_hosts(server) |> read!()

  @doc "Every server that this node knows of, and how many members host it."
  @spec servers(Chinwag.mesh()) :: %{String.t() => pos_integer()}
  def servers(mesh), do: mesh |> native!() |> Native.message_servers() |> read!() |> Map.new()

  @doc """
  Serves a name of this node with a function, in processes of its own: others find it there,
  wherever they are. The server is linked to the caller; `Chinwag.Server` has it for a supervisor,
  and pauses and stops it.

      {:ok, server} =
        Chinwag.serve(MyApp.Mesh, "price", fn
          "of", sku -> MyApp.Price.of(sku)
          "late", _ -> raise "too late"
        end)

  What the function returns is the answer. An exception is a `:remote_error` for the caller, also
  one that it returns; a `Chinwag.Error` arrives as it is. An operation for which it has no clause
  is an `:unknown_op`. With `:noreply` it answers later, or somebody else does, by `reply/2` with
  the `Chinwag.Sender` that is its third argument if it takes three; once nobody holds that any
  more, the caller is told. Of a cast, what is returned is dropped.

    * `concurrency:` - messages that are handled at the same time: 1 unless told
    * `mailbox:` - messages that may wait; the option of that name unless told
    * `expose_stack: true` - callers get the stack of an exception too
    * `operations:` - the names of those that it has; others are refused without it

  Errors: `:server_exists` when this node has one of that name, which stays; `:bad_argument`;
  `:closed`.
  """
  @spec serve(Chinwag.mesh(), String.t(), handler(), [serve_option()]) ::
          {:ok, pid()} | {:error, Error.t()}
  def serve(mesh, name, handler, options \\ []),
    do: Server.start_link([mesh: mesh, name: name, handler: handler] ++ options)

  @doc """
  The name of a server as the name of a process, for `GenServer` and its like; see `Chinwag.Via`.

      GenServer.start_link(Counter, 0, name: Chinwag.via(MyApp.Mesh, "counter"))
      GenServer.call(Chinwag.via(MyApp.Mesh, "counter"), {"incr", 1})

  Started so, a GenServer is a server of the node until it ends. It gets `{op, payload}`, from
  whatever language, and `sender/1` tells who asks. A message that it has no clause for ends it,
  as any other would: give it a last clause, or the names of its `operations:`.

    * to start: `mailbox:`, `operations:` as for `serve/4`
    * to call: `timeout:`, `headers:`, `codec:` as for `call/5`. The time of `GenServer.call/3` is
      how long the caller waits; this is how long the server is asked for.
  """
  @spec via(Chinwag.mesh(), target(), keyword()) :: {:via, module(), Via.name()}
  def via(mesh, target, options \\ [])
  def via(mesh, target, []), do: {:via, Via, {mesh, target}}
  def via(mesh, target, options), do: {:via, Via, {mesh, target, options}}

  @doc """
  Follows a server, wherever it lives, as `Process.monitor/1` follows a process; returns a
  reference. Once the server is down, the calling process gets one message:

      ref = Chinwag.monitor(MyApp.Mesh, "counter@web-2")

      def handle_info({:DOWN, ref, :process, {"counter", member}, reason}, %{ref: ref} = state)

    * `:noproc` - there was none, which is told at once; `member` may be `nil`
    * `:normal` - it was stopped, or its process ended well
    * `{:stopped, text}` - it ended otherwise, and said that at its end
    * `{:moved, name}` - of a target with a key: that member owns the key now
    * `:noconnection` - its member has failed or left, which `Chinwag.member/2` tells; or this node
      was closed
    * a `Chinwag.Error`, such as `:overloaded` for more than 65,536 monitors

  It follows the server that a call would go to now, and no other: one that is started again under
  its name is another. It ends with the calling process, and with `demonitor/2`. Raises for what is
  no target.
  """
  @spec monitor(Chinwag.mesh(), target()) :: reference()
  def monitor(mesh, target) do
    native = native!(mesh)
    bang!(Native.guarded(fn -> Native.monitor_begin(native, target) end))
  end

  @doc """
  Ends a monitor. With `:flush`, its message is taken out of the mailbox of the calling process if
  it has come already. Ending it again does nothing.
  """
  @spec demonitor(reference(), [:flush]) :: true
  def demonitor(monitor, options \\ []) when is_list(options) do
    if not Native.monitor_end(monitor) and :flush in options do
      receive do: ({:DOWN, ^monitor, :process, _whom, _reason} -> true), after: (0 -> true)
    else
      true
    end
  end

  @doc """
  How the loop of a present member does on which it runs its users' code, as it says itself: `:ok`,
  `:slow` or `:stuck` (`loop_stuck`); `nil` without such a member. Here it is the node's own process
  that is asked: with it, every process of the VM waits while no scheduler is free.
  """
  @spec loop_state(Chinwag.mesh(), String.t()) :: :ok | :slow | :stuck | nil
  def loop_state(mesh, member), do: mesh |> native!() |> Native.loop_state(member) |> read!()

  @doc "Who asks, of what `handle_call/3` gets as `from`; `nil` for a caller of this VM."
  @spec sender(GenServer.from()) :: Sender.t() | nil
  def sender({_server, {Chinwag, _number, _call, %Sender{} = sender}}), do: sender
  def sender(_from), do: nil

  @doc """
  Answers a call, later or from elsewhere; whether anybody was still waiting for that. Only the
  first answer counts. In a GenServer, `GenServer.reply/2` does it.
  """
  @spec reply(Sender.t(), term()) :: boolean()
  def reply(%Sender{call: nil}, _value), do: false
  def reply(%Sender{call: call}, value), do: Answering.answer(call, value)
end
