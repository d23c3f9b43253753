defmodule Chinwag.Streams do
  @moduledoc """
  Calls that carry items in both directions, each as soon as it is there, and no faster than the
  other side reads: a request may be a sequence, and so may its answer, without an end that is known
  before. `stream/5`, `items/1` and `send_item/2` are functions of `Chinwag`.

      for line <- Chinwag.stream(MyApp.Mesh, "log@web-2", "tail", "app.log"), do: IO.puts(line)

      lines = File.stream!("app.log")
      {:ok, count} = Chinwag.Streams.answer(MyApp.Mesh, "log", "store", "app.log", body: lines)

  A server in Elixir reads and sends with the `Chinwag.Sender` of the call, and its answer is the
  end:

      Chinwag.serve(MyApp.Mesh, "log", fn
        "tail", path, sender ->
          path |> File.stream!() |> Enum.each(&Chinwag.send_item!(sender, &1))

        "store", path, sender ->
          sender |> Chinwag.items() |> Stream.into(File.stream!(path)) |> Enum.count()
      end)

  A GenServer must not wait in `handle_call/3`: it leaves that to a task, which has what
  `Chinwag.sender/1` makes of `from`, and answers with `Chinwag.reply/2`. A server that knows
  nothing of items answers as ever, and nobody sends it any.

  Up to 256 KiB, and an item, wait to be read in each direction; who sends more waits. `timeout:` is
  how long nothing may move, in either direction; it does not run while items wait to be taken here.
  A node has at most 4,096 of these calls under way, and serves as many: one more is `:overloaded`.
  """

  import Chinwag.Operation

  alias Chinwag.{Codec, Error, Handler, Messages, Sender, Streaming}

  @enforce_keys [:process, :codec]
  defstruct [:process, :codec]

  @typedoc "A call under way, of the process that has opened it."
  @opaque t :: %__MODULE__{process: pid(), codec: Messages.codec()}

  @type option :: Messages.call_option() | {:body, Enumerable.t()}

  @doc """
  A call as a stream of the items of its answer. The call is made when the stream is read, and anew
  each time; it is given up when the reader stops before its end, or ends itself. The answer that
  comes behind the items is not among them: see `answer/5` and `open/5`.

    * `body:` - the items of the request: an enumerable, which a process of its own goes through
    * `timeout:`, `headers:`, `codec:` - as for `Chinwag.call/5`; items are in that codec, too

  Reading it raises the `Chinwag.Error` that the call came to, behind the items that came before,
  and whatever `body:` raised.
  """
  @spec stream(Chinwag.mesh(), Messages.target(), Messages.op(), Messages.value(), [option()]) ::
          Enumerable.t()
  def stream(mesh, target, op, payload \\ nil, options \\ []) do
    fn -> begin!(mesh, target, op, payload, options) end
    |> events()
    |> Stream.flat_map(fn
      {:item, value} -> [value]
      {:answer, _value} -> []
    end)
  end

  @doc "Makes such a call, passes over the items of its answer, and returns what comes behind them."
  @spec answer(Chinwag.mesh(), Messages.target(), Messages.op(), Messages.value(), [option()]) ::
          {:ok, term()} | {:error, Error.t()}
  def answer(mesh, target, op, payload \\ nil, options \\ []) do
    told = events(fn -> begin!(mesh, target, op, payload, options) end)
    {:answer, value} = Enum.find(told, &match?({:answer, _}, &1))
    {:ok, value}
  rescue
    error in Error -> {:error, error}
  end

  @doc """
  Makes a call for the calling process, which sends and reads when it likes: a dialogue, with
  `send_item/2`, `finish/1`, `next/1` and `close/1`. It is given up when that process ends.
  """
  @spec open(Chinwag.mesh(), Messages.target(), Messages.op(), Messages.value(), [
          Messages.call_option()
        ]) :: {:ok, t()} | {:error, Error.t()}
  def open(mesh, target, op, payload \\ nil, options \\ []) do
    options = Keyword.validate!(options, timeout: nil, headers: [], codec: :msgpack)
    codec = options[:codec]

    with {:ok, payload} <- Codec.encode(payload, codec),
         sent = {target, op, payload, options[:headers]},
         {:ok, process} <- Streaming.open(mesh, sent, {options[:timeout], Handler.left()}),
         do: {:ok, %__MODULE__{process: process, codec: codec}}
  end

  @doc """
  What comes next of a call: an item, or the answer behind the items; waits for it. After the end,
  and after an error, `:cancelled`.
  """
  @spec next(t()) :: {:item, term()} | {:answer, term()} | {:error, Error.t()}
  def next(%__MODULE__{process: process}) do
    case Streaming.take(process, 1) do
      {[item], _} -> tagged(:item, item)
      {[], {:ok, answer}} -> tagged(:answer, answer)
      {[], {:error, error}} -> {:error, error}
      {[], :ended} -> {:error, Error.new(:cancelled, "this stream is over")}
    end
  end

  defp tagged(word, payload) do
    with {:ok, value} <- Codec.decode(payload), do: {word, value}
  end

  @doc """
  Sends an item: of the request, or of the answer of a server. It waits until there is room; a
  server is not sent anything before it reads.

  Errors: `:too_large` and `:codec`, for this item alone. Otherwise no more can be sent:
  `:cancelled` when the other side reads no more, or has given up or answered; `:node_down`,
  `:timeout`, and whatever else the call came to; `:bad_argument` after `finish/1`, and where the
  caller of a server does not stream.
  """
  @spec send_item(t() | Sender.t(), Messages.value()) :: :ok | {:error, Error.t()}
  def send_item(%Sender{stream: nil}, _value),
    do: {:error, Error.new(:bad_argument, "this call does not stream")}

  def send_item(%Sender{stream: process, call: {_request, codec}}, value),
    do: push(process, value, codec)

  def send_item(%__MODULE__{process: process, codec: codec}, value),
    do: push(process, value, codec)

  @doc "As `send_item/2`; raises `Chinwag.Error`."
  @spec send_item!(t() | Sender.t(), Messages.value()) :: :ok
  def send_item!(to, value), do: to |> send_item(value) |> bang!()

  defp push(process, value, codec) do
    with {:ok, item} <- Codec.encode(value, codec), do: Streaming.push(process, item)
  end

  @doc "Says that no more items of the request come. Not needed of a call that has none."
  @spec finish(t()) :: :ok | {:error, Error.t()}
  def finish(%__MODULE__{process: process}), do: Streaming.finish(process)

  @doc "Gives a call up, unless it is over. Closing again does nothing."
  @spec close(t()) :: :ok
  def close(%__MODULE__{process: process}), do: Streaming.close(process)

  @doc """
  The items of a request, for its server: a stream, to be read once, and none if the caller does not
  stream. The caller sends from when it is first read, and is told when the reader stops before its
  end. Raises `Chinwag.Error` when the caller gives up (`:cancelled`), is gone (`:node_down`), or
  has sent what cannot be read (`:codec`).
  """
  @spec items(Sender.t()) :: Enumerable.t()
  def items(%Sender{stream: nil}), do: []

  def items(%Sender{stream: process}) do
    Stream.resource(fn -> {process, nil} end, &values/1, fn
      {_process, :ended} -> :ok
      {process, _} -> Streaming.stop(process)
    end)
  end

  # What a server reads has an end, but no answer.
  defp values({_process, :ended} = state), do: {:halt, state}
  defp values({_process, {:error, error}}), do: raise(error)

  defp values({process, nil}) do
    {items, ending} = Streaming.take(process)
    ending = if match?({:ok, _}, ending), do: :ended, else: ending
    {Enum.map(items, &decoded!/1), {process, ending}}
  end

  # A call from its beginning to its end: `{:item, value}` for each, and `{:answer, value}`.
  defp events(begin), do: Stream.resource(begin, &step/1, &close(elem(&1, 0)))

  defp begin!(mesh, target, op, payload, options) do
    {body, options} = Keyword.pop(options, :body, [])
    stream = bang!(open(mesh, target, op, payload, options))

    if body == [],
      do: finish(stream),
      else: Streaming.filled(stream.process, spawn(fn -> send_all(stream, body) end))

    {stream, nil}
  end

  # Who reads learns of what it fails with.
  defp send_all(%{process: process} = stream, body) do
    _ = Enum.find(body, &refused?(send_item(stream, &1)))
    finish(stream)
  catch
    kind, reason -> Streaming.fail(process, kind, reason, __STACKTRACE__)
  end

  # Of this item alone: whoever reads is told. All else the call itself comes to.
  defp refused?({:error, %Error{code: code} = error}) when code in [:codec, :too_large],
    do: raise(error)

  defp refused?(outcome), do: outcome != :ok

  defp step({_stream, :ended} = state), do: {:halt, state}
  defp step({_stream, {:error, error}}), do: raise(error)

  defp step({_stream, {:raise, kind, reason, stack}}), do: :erlang.raise(kind, reason, stack)

  defp step({stream, {:ok, answer}}), do: {[{:answer, decoded!(answer)}], {stream, :ended}}

  defp step({stream, nil}) do
    {items, ending} = Streaming.take(stream.process)
    {Enum.map(items, &{:item, decoded!(&1)}), {stream, ending}}
  end

  defp decoded!(payload), do: payload |> Codec.decode() |> bang!()
end
