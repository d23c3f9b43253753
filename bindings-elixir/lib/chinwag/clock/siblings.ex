defmodule Chinwag.Siblings do
  @moduledoc """
  The values of one record that were written without knowing of each other, side by side, and the
  history that they come from: a dotted version vector set.

      iex> alias Chinwag.Siblings
      iex> cart = Siblings.put!(Siblings.new(), "web-1", nil, "tea")
      iex> cart = Siblings.put!(cart, "web-1", nil, "milk")
      iex> Siblings.values(cart)
      ["tea", "milk"]
      iex> cart = Siblings.put!(cart, "web-2", Siblings.context(cart), "tea and milk")
      iex> Siblings.values(cart)
      ["tea and milk"]

  Who writes reads first, and hands back the `context/1` of what was read: a value is replaced by
  who knew of it, and kept beside what was written by somebody who did not. The actor of a write is
  the process that holds the record, not the client that asked for it. A context is a claim: who
  makes one up can replace what it never read.

  ## Values

  A value is a binary. With `codec:`, a module that has `encode!/1`, which makes a binary, and
  `decode!/1`, such as `Jason` or Elixir's own `JSON`, it is whatever that module can encode:

      Siblings.new(codec: JSON) |> Siblings.put!("web-1", nil, %{"tea" => 2})

  What `encode!/1` and `decode!/1` raise is raised here. The codec is not part of the bytes.

  ## Errors

  What makes a record returns `{:ok, record}` or `{:error, %Chinwag.Error{}}`: `:bad_argument` for
  what is no actor or no value, or when the actor's counter is at its end, and `:too_large` when the
  names of all actors would take more than 16 MiB. It has a variant with `!`. What asks one returns
  plain values. Records enumerate their values.
  """

  alias Chinwag.{Clock, Error, VectorClock}

  require Clock

  defstruct bytes: <<0x41, 0>>, codec: nil

  @typedoc "A record. What is in it may change with any version: see `to_bytes/1`."
  @type t :: %__MODULE__{bytes: binary(), codec: module() | nil}

  @typedoc "A binary, or what the codec makes of one."
  @type value :: term()

  @typedoc "What was read before a write; `nil` is nothing."
  @type context :: VectorClock.t() | nil

  @type made :: {:ok, t()} | {:error, Error.t()}

  @doc "A record that was never written. Option: `:codec`."
  @spec new(codec: module() | nil) :: t()
  def new(options \\ []), do: %__MODULE__{codec: codec!(options)}

  @doc """
  Writes a value in place of all those that the context knows of. Its event is the next of the
  actor: `VectorClock.dot(Siblings.context(record), actor)`.
  """
  @spec put(t(), VectorClock.actor(), context(), value()) :: made()
  def put(%__MODULE__{} = record, actor, context, value) do
    {seen, value} = {seen(context), encoded(record, value)}
    made(record, Clock.size(seen) + Clock.size(value), {"put", record.bytes, actor, seen, value})
  end

  @doc """
  Drops all values that the context knows of: with the record's own, that deletes it. The history
  stays, so that an old replica does not bring them back.
  """
  @spec discard(t(), context()) :: made()
  def discard(%__MODULE__{} = record, context) do
    seen = seen(context)
    made(record, Clock.size(seen), {"discard", record.bytes, seen})
  end

  @doc """
  Takes in another replica of the record: of each side stay the values that the other has too, or
  does not know of.
  """
  @spec merge(t(), t()) :: made()
  def merge(%__MODULE__{} = record, %__MODULE__{bytes: theirs}),
    do: made(record, Clock.size(theirs), {"sync", record.bytes, theirs})

  @doc """
  Replaces several values by the one that `decide` makes of their list, as a new event of the actor
  that knows of all. A record of fewer than two values stays as it is.

      iex> alias Chinwag.Siblings
      iex> stock = Siblings.put!(Siblings.new(), "web-1", nil, "3")
      iex> stock = Siblings.put!(stock, "web-1", nil, "9")
      iex> stock |> Siblings.resolve!("web-1", &Enum.max/1) |> Siblings.values()
      ["9"]
  """
  @spec resolve(t(), VectorClock.actor(), ([value()] -> value())) :: made()
  def resolve(%__MODULE__{} = record, actor, decide) when is_function(decide, 1) do
    case values(record) do
      [_, _ | _] = values ->
        value = encoded(record, decide.(values))
        made(record, Clock.size(value), {"resolve", record.bytes, actor, value})

      _one_or_none ->
        {:ok, record}
    end
  end

  @doc """
  As `resolve/3`, by the value for which `key` gives the most, such as a stamp that is in it: the
  last writer's.
  """
  @spec resolve_newest_by(t(), VectorClock.actor(), (value() -> term()), module() | nil) :: made()
  def resolve_newest_by(%__MODULE__{} = record, actor, key, order \\ nil),
    do: resolve(record, actor, fn values -> newest(values, key, order) end)

  @doc """
  The value for which `key` gives the most; of several, the last in the order of `values/1`. `nil`
  if there is none. Keys are compared as terms are, or with `compare/2` of the module `order`, such
  as `Chinwag.HybridTime` or `DateTime`.
  """
  @spec newest_by(t(), (value() -> term()), module() | nil) :: value() | nil
  def newest_by(%__MODULE__{} = record, key, order \\ nil),
    do: record |> values() |> newest(key, order)

  @doc "The same record with each value made into another."
  @spec map(t(), (value() -> value())) :: made()
  def map(%__MODULE__{} = record, change) when is_function(change, 1) do
    values = for value <- values(record), do: encoded(record, change.(value))
    size = values |> Enum.map(&Clock.size/1) |> Enum.sum()
    made(record, Clock.size(values) + size, {"with_values", record.bytes, values})
  end

  @doc "The values: by actor, the oldest first. More than one: somebody has to decide."
  @spec values(t()) :: [value()]
  def values(%__MODULE__{} = record) do
    values = asked(record, {"values", record.bytes})
    for value <- values, do: decoded(record, value)
  end

  @doc "The values, each with the event that wrote it: `{{actor, count}, value}`."
  @spec dots(t()) :: [{VectorClock.dot(), value()}]
  def dots(%__MODULE__{} = record) do
    dots = asked(record, {"dots", record.bytes})
    for {dot, value} <- dots, do: {dot, decoded(record, value)}
  end

  @doc "All events of which the record knows: what a writer hands back that has read all values."
  @spec context(t()) :: VectorClock.t()
  def context(%__MODULE__{} = record),
    do: %VectorClock{bytes: asked(record, {"context", record.bytes})}

  @doc "How many values there are."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{} = record), do: asked(record, {"values_size", record.bytes})

  @doc "Whether there is no value: be it that there never was one, or that all were discarded."
  @spec empty?(t()) :: boolean()
  def empty?(record), do: size(record) == 0

  @doc """
  How a replica stands to another: `:after` when a merge with the other would change nothing here,
  and something there. Values themselves are not looked at.
  """
  @spec compare(t(), t()) :: VectorClock.causality()
  def compare(%__MODULE__{bytes: ours} = record, %__MODULE__{bytes: theirs}),
    do: asked(record, {"compare_siblings", ours, theirs}, Clock.size(theirs))

  @doc "The bytes of the record, history and values: the same in every language."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{bytes: bytes}), do: bytes

  @doc "The record of the bytes that `to_bytes/1` gives. Option: `:codec`."
  @spec from_bytes(binary(), codec: module() | nil) :: made()
  def from_bytes(bytes, options \\ []) do
    record = %__MODULE__{codec: codec!(options)}
    made(record, Clock.size(bytes), {"read_siblings", bytes})
  end

  @doc "The record as JSON, with the bytes of each value in base64."
  @spec to_json(t()) :: String.t()
  def to_json(%__MODULE__{} = record), do: asked(record, {"siblings_to_json", record.bytes})

  @doc "The record of the JSON that `to_json/1` gives, of at most 4 MiB. Option: `:codec`."
  @spec from_json(String.t(), codec: module() | nil) :: made()
  def from_json(json, options \\ []) do
    record = %__MODULE__{codec: codec!(options)}
    made(record, Clock.size(json), {"siblings_from_json", json})
  end

  Clock.raising(
    put: {[:record, :actor, :context, :value], t()},
    discard: {[:record, :context], t()},
    merge: {[:record, :other], t()},
    resolve: {[:record, :actor, :decide], t()},
    resolve_newest_by: {[:record, :actor, :key], t()},
    resolve_newest_by: {[:record, :actor, :key, :order], t()},
    map: {[:record, :change], t()},
    from_bytes: {[:bytes], t()},
    from_bytes: {[:bytes, :options], t()},
    from_json: {[:json], t()},
    from_json: {[:json, :options], t()}
  )

  defp codec!([]), do: nil

  defp codec!(options) do
    [codec] = Clock.options!(options, codec: nil)

    if codec == nil or is_codec(codec),
      do: codec,
      else: raise(Clock.bad("a codec is a module with encode!/1 and decode!/1"))
  end

  defp is_codec(module) do
    is_atom(module) and Code.ensure_loaded?(module) and
      function_exported?(module, :encode!, 1) and function_exported?(module, :decode!, 1)
  end

  defp encoded(%__MODULE__{codec: nil}, value), do: value
  defp encoded(%__MODULE__{codec: codec}, value), do: codec.encode!(value)

  defp decoded(%__MODULE__{codec: nil}, value), do: value
  defp decoded(%__MODULE__{codec: codec}, value), do: codec.decode!(value)

  defp newest([], _key, _order), do: nil

  defp newest(values, key, order) do
    {_most, newest} =
      values
      |> Enum.map(&{key.(&1), &1})
      |> Enum.reduce(fn {next, _} = later, {most, _} = best ->
        if less?(next, most, order), do: best, else: later
      end)

    newest
  end

  defp less?(one, other, nil), do: one < other
  defp less?(one, other, order), do: order.compare(one, other) == :lt

  defp seen(nil), do: %VectorClock{}.bytes
  defp seen(%VectorClock{bytes: bytes}), do: bytes

  defp asked(record, request, more \\ 0),
    do: Clock.ask!(Clock.size(record.bytes) + more, request)

  defp made(record, more, request) do
    with bytes when is_binary(bytes) <- Clock.ask(Clock.size(record.bytes) + more, request),
         do: {:ok, %{record | bytes: bytes}}
  end

  defimpl Enumerable do
    def count(record), do: {:ok, Chinwag.Siblings.size(record)}
    def member?(_record, _value), do: {:error, __MODULE__}
    def slice(_record), do: {:error, __MODULE__}

    def reduce(record, accumulated, fun),
      do: Enumerable.List.reduce(Chinwag.Siblings.values(record), accumulated, fun)
  end

  defimpl Inspect do
    import Inspect.Algebra

    # As bytes: what a codec makes of them may fail, or be large.
    def inspect(record, options) do
      values = %{record | codec: nil} |> Chinwag.Siblings.values() |> to_doc(options)
      concat(["#Chinwag.Siblings<", values, ">"])
    rescue
      Chinwag.Error -> "#Chinwag.Siblings<none>"
    end
  end
end
