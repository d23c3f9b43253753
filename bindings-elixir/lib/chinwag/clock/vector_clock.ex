defmodule Chinwag.VectorClock do
  @moduledoc """
  A counter for each actor that ever wrote: whether one state knows of another. A value, without a
  node of a cluster, without a process and without a look at the time.

      iex> alias Chinwag.VectorClock
      iex> x = VectorClock.new() |> VectorClock.increment("web-1")
      iex> y = VectorClock.increment(x, "web-1")
      iex> z = VectorClock.increment(x, "web-2")
      iex> VectorClock.compare(x, y)
      :before
      iex> VectorClock.compare(y, z)
      :concurrent
      iex> VectorClock.merge(y, z) |> VectorClock.increment("web-1") |> Enum.to_list()
      [{"web-1", 3}, {"web-2", 1}]

  `docs/CLOCKS.md` of the project says what each operation does, the same in every language.

  ## Actors

  An actor is a process that writes, never a client: text of 1 to 1,024 bytes, or an atom, which
  means its text. `actor/2` makes one of a node's name and incarnation. One without an entry counts
  0. Counters are at most 2^64 - 1, and stay there.

  ## Order and equality

  `compare/2` has four answers, so it is no order to sort by: there is none for clocks that are
  `:concurrent`. `equal?/2`, `descends?/2` and `dominates?/2` go by it.

  A clock is its bytes, so `==`, keys of maps, `:erlang.phash2/1`, other VMs and storage see the
  same as `to_bytes/1`. Clocks that are `==` are equal. The reverse holds for clocks without stamps
  whose entries all count something: `==` also sees stamps, and entries of 0.

  ## Stamps

  A change may be given the time, `at:` in microseconds. An entry then knows when it was seen first
  (`insert`) and changed last (`time`), which `trim/3` goes by, and nothing else.

  ## Errors

  Changes and questions return plain values, and raise `Chinwag.Error` with `:bad_argument` for what
  is no actor, count or time, and with `:too_large` when all names would take more than 16 MiB. What
  is read from outside returns `{:ok, clock}` or `{:error, %Chinwag.Error{}}`, and has a variant
  with `!`.
  """

  import Chinwag.Clock, only: [is_small: 1, is_small: 2]

  alias Chinwag.{ActorTable, Clock, Error, Native}

  require Clock

  defstruct bytes: <<0x11, 0>>

  @typedoc "A clock. What is in it may change with any version: see `to_bytes/1`."
  @type t :: %__MODULE__{bytes: binary()}

  @typedoc "A process that writes; an atom means its text."
  @type actor :: String.t() | atom()

  @type count :: 0..0xFFFFFFFFFFFFFFFF

  @typedoc "Microseconds since 1970."
  @type time :: 0..0xFFFFFFFFFFFFFFFF

  @typedoc "What a clock holds of an actor; a stamp that nobody gave is `nil`."
  @type entry :: %{count: count(), insert: time() | nil, time: time() | nil}

  @typedoc "One event: the so-manieth of its actor."
  @type dot :: {String.t(), pos_integer()}

  @typedoc "How one history stands to another."
  @type causality :: :before | :after | :equal | :concurrent

  @type made :: {:ok, t()} | {:error, Error.t()}

  @doc "A clock that knows of nothing."
  @spec new() :: t()
  def new, do: %__MODULE__{}

  @doc """
  A clock of these pairs of an actor and its count, such as a map.

      iex> Chinwag.VectorClock.new(%{"web-1" => 2})
      #Chinwag.VectorClock<%{"web-1" => 2}>
  """
  @spec new(Enumerable.t()) :: t()
  def new(pairs), do: fill(%__MODULE__{}, Clock.listed(pairs))

  @doc false
  def fill(%__MODULE__{bytes: bytes}, pairs),
    do: changed(Clock.size(bytes) + Clock.size(pairs), {"fill", bytes, pairs})

  @doc "Makes an entry that counts 0; one that is there stays as it is. Option: `:at`."
  @spec insert(t(), actor(), at: time() | nil) :: t()
  def insert(%__MODULE__{bytes: bytes}, actor, options \\ []),
    do: changed(bytes, {"insert", bytes, actor, at(options)})

  @doc "Counts one more event of the actor."
  @spec increment(t(), actor()) :: t()
  def increment(%__MODULE__{bytes: bytes}, actor) when is_small(bytes),
    do: made(Native.clock_increment(bytes, actor))

  def increment(%__MODULE__{bytes: bytes}, actor),
    do: changed(bytes, {"increment", bytes, actor})

  @doc "As `increment/2`. Option: `:at`."
  @spec increment(t(), actor(), at: time() | nil) :: t()
  def increment(%__MODULE__{bytes: bytes}, actor, options),
    do: changed(bytes, {"increment", bytes, actor, at(options)})

  @doc "Sets the count, be it to less than it was. Option: `:at`."
  @spec update(t(), actor(), count(), at: time() | nil) :: t()
  def update(%__MODULE__{bytes: bytes}, actor, count, options \\ []),
    do: changed(bytes, {"update", bytes, actor, count, at(options)})

  @doc "Forgets the actor."
  @spec remove(t(), actor()) :: t()
  def remove(%__MODULE__{bytes: bytes}, actor), do: changed(bytes, {"remove", bytes, actor})

  @doc "All that either clock knows: the higher count of each actor."
  @spec merge(t(), t()) :: t()
  def merge(%__MODULE__{bytes: ours}, %__MODULE__{bytes: theirs}) when is_small(ours, theirs),
    do: made(Native.clock_merge(ours, theirs))

  def merge(%__MODULE__{bytes: ours}, %__MODULE__{bytes: theirs}),
    do: changed(Clock.size(ours) + Clock.size(theirs), {"merge", ours, theirs})

  @doc """
  Drops the oldest entries, as long as there are too many or they are too old at the time `now`, in
  microseconds. Entries without a `time` stay.

    * `:lower` - a clock of at most so many entries is left alone; 10 unless told otherwise
    * `:young_us` - as is one whose oldest entry is not older than this; 20 s
    * `:upper` - more entries than this are too many; 50
    * `:old_us` - an entry older than this is too old; 24 h

  A clock that was trimmed has forgotten events: what was before or after it may look concurrent
  then. Clocks whose actors are members of a cluster are better folded (`Chinwag.Retired`).
  """
  @spec trim(t(), time(), [{:lower | :young_us | :upper | :old_us, count()}]) :: t()
  def trim(%__MODULE__{bytes: bytes}, now, options \\ []) do
    known = [lower: nil, young_us: nil, upper: nil, old_us: nil]
    [lower, young, upper, old] = Clock.options!(options, known)
    changed(bytes, {"trim", bytes, now, lower, young, upper, old})
  end

  @doc """
  How the first clock stands to the second: it is `:before` if the second knows of all that it does,
  and more; `:after` the other way round; `:equal` if both know the same; `:concurrent` if each
  knows of something that the other does not.
  """
  @spec compare(t(), t()) :: causality()
  def compare(%__MODULE__{bytes: ours}, %__MODULE__{bytes: theirs}) when is_small(ours, theirs) do
    case Native.clock_compare(ours, theirs) do
      {:error, error} -> raise error
      causality -> causality
    end
  end

  def compare(%__MODULE__{bytes: ours}, %__MODULE__{bytes: theirs}),
    do: Clock.ask!(Clock.size(ours) + Clock.size(theirs), {"compare", ours, theirs})

  @doc "Whether both know of the same events."
  @spec equal?(t(), t()) :: boolean()
  def equal?(one, other), do: compare(one, other) == :equal

  @doc "Whether the first knows of all that the second does."
  @spec descends?(t(), t()) :: boolean()
  def descends?(one, other), do: compare(one, other) in [:equal, :after]

  @doc "Whether the first knows of all that the second does, and more."
  @spec dominates?(t(), t()) :: boolean()
  def dominates?(one, other), do: compare(one, other) == :after

  @doc "Whether each knows of something that the other does not."
  @spec concurrent?(t(), t()) :: boolean()
  def concurrent?(one, other), do: compare(one, other) == :concurrent

  @doc "The counter of an actor; 0 without an entry."
  @spec count(t(), actor()) :: count()
  def count(%__MODULE__{bytes: bytes}, actor) when is_small(bytes) do
    case Native.clock_count(bytes, actor) do
      {:error, error} -> raise error
      count -> count
    end
  end

  def count(%__MODULE__{bytes: bytes}, actor), do: asked(bytes, {"count", bytes, actor})

  @doc "The entry of an actor; `nil` if there is none."
  @spec get(t(), actor()) :: entry() | nil
  def get(%__MODULE__{bytes: bytes}, actor) do
    with entry when entry != nil <- asked(bytes, {"get", bytes, actor}), do: entry(entry)
  end

  @doc "Whether the actor has an entry, be it with 0."
  @spec has?(t(), actor()) :: boolean()
  def has?(clock, actor), do: get(clock, actor) != nil

  @doc "The last event of an actor, `{actor, count}`; `nil` if it counts 0."
  @spec dot(t(), actor()) :: dot() | nil
  def dot(clock, actor) do
    with count when count != 0 <- count(clock, actor),
         do: {to_string(actor), count},
         else: (_ -> nil)
  end

  @doc "The last event of each actor that counts anything."
  @spec dots(t()) :: [dot()]
  def dots(clock), do: for({_, count} = dot <- to_list(clock), count > 0, do: dot)

  @doc "Whether that event is known."
  @spec descends_dot?(t(), {actor(), count()}) :: boolean()
  def descends_dot?(clock, {actor, count}) when is_integer(count) and count >= 0,
    do: count(clock, actor) >= count

  def descends_dot?(%__MODULE__{}, _dot), do: raise(Clock.bad("a dot is {actor, count}"))

  @doc "How many entries there are."
  @spec size(t()) :: non_neg_integer()
  def size(%__MODULE__{bytes: bytes}), do: asked(bytes, {"size", bytes})

  @doc "The actors, in the order of their bytes."
  @spec actors(t()) :: [String.t()]
  def actors(clock), do: for({actor, _count} <- to_list(clock), do: actor)

  @doc "Actors and their counts, in the order of the actors' bytes."
  @spec to_list(t()) :: [{String.t(), count()}]
  def to_list(%__MODULE__{bytes: bytes}), do: asked(bytes, {"counts", bytes})

  @doc "Actors and their entries, in the order of the actors' bytes."
  @spec entries(t()) :: [{String.t(), entry()}]
  def entries(%__MODULE__{bytes: bytes}),
    do: for({actor, entry} <- asked(bytes, {"entries", bytes}), do: {actor, entry(entry)})

  @doc "The bytes of the clock, with its stamps if it has any: the same in every language."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{bytes: bytes}), do: bytes

  @doc "The clock of the bytes that `to_bytes/1` gives."
  @spec from_bytes(binary()) :: made()
  def from_bytes(bytes), do: read(bytes, {"read", bytes})

  @doc "The clock as JSON, an object by actor."
  @spec to_json(t()) :: String.t()
  def to_json(%__MODULE__{bytes: bytes}), do: asked(bytes, {"to_json", bytes})

  @doc "The clock of the JSON that `to_json/1` gives, of at most 4 MiB."
  @spec from_json(String.t()) :: made()
  def from_json(json), do: read(json, {"from_json", json})

  @doc """
  The counters alone, for who has the same table: a byte or two an actor. `:bad_argument` if an
  actor that counts anything is not in the table.
  """
  @spec to_dense(t(), ActorTable.t()) :: {:ok, binary()} | {:error, Error.t()}
  def to_dense(%__MODULE__{bytes: bytes}, %ActorTable{bytes: table}) do
    outcome = Clock.ask(Clock.size(bytes) + Clock.size(table), {"dense", bytes, table})
    with dense when is_binary(dense) <- outcome, do: {:ok, dense}
  end

  @doc "The clock of the bytes that `to_dense/2` gives with the same table."
  @spec from_dense(ActorTable.t(), binary()) :: made()
  def from_dense(%ActorTable{bytes: table}, dense),
    do: read(table, {"from_dense", table, dense})

  Clock.raising(
    from_bytes: {[:bytes], t()},
    from_json: {[:json], t()},
    to_dense: {[:clock, :table], binary()},
    from_dense: {[:table, :dense], t()}
  )

  @doc """
  The actor that a node is in one of its lives.

      iex> Chinwag.VectorClock.actor("web-1", 1795316449)
      "web-1~1795316449"
  """
  @spec actor(String.t() | atom(), count()) :: String.t()
  def actor(name, incarnation), do: Clock.ask!(0, {"actor", name, incarnation})

  @doc "Name and incarnation of what `actor/2` made; `nil` for any other."
  @spec split_actor(actor()) :: {String.t(), count()} | nil
  def split_actor(actor), do: Clock.ask!(0, {"split_actor", actor})

  defp at([]), do: nil
  defp at(options), do: options |> Clock.options!(at: nil) |> hd()

  defp asked(bytes, request), do: Clock.ask!(Clock.size(bytes), request)

  defp changed(size, request) when is_integer(size), do: made(Clock.ask(size, request))
  defp changed(bytes, request), do: made(Clock.ask(Clock.size(bytes), request))

  defp made(bytes) when is_binary(bytes), do: %__MODULE__{bytes: bytes}
  defp made({:error, error}), do: raise(error)

  defp read(given, request) do
    with bytes when is_binary(bytes) <- Clock.ask(Clock.size(given), request),
         do: {:ok, %__MODULE__{bytes: bytes}}
  end

  defp entry({count, insert, time}), do: %{count: count, insert: insert, time: time}

  defimpl Enumerable do
    def count(clock), do: {:ok, Chinwag.VectorClock.size(clock)}
    def member?(_clock, _pair), do: {:error, __MODULE__}
    def slice(_clock), do: {:error, __MODULE__}

    def reduce(clock, accumulated, fun),
      do: Enumerable.List.reduce(Chinwag.VectorClock.to_list(clock), accumulated, fun)
  end

  defimpl Collectable do
    # Sets the counts, all of them at once.
    def into(clock) do
      collect = fn
        pairs, {:cont, pair} -> [pair | pairs]
        pairs, :done -> Chinwag.VectorClock.fill(clock, Enum.reverse(pairs))
        _pairs, :halt -> :ok
      end

      {[], collect}
    end
  end

  defimpl Inspect do
    import Inspect.Algebra

    def inspect(clock, options) do
      counts = clock |> Chinwag.VectorClock.to_list() |> Map.new() |> to_doc(options)
      concat(["#Chinwag.VectorClock<", counts, ">"])
    rescue
      Chinwag.Error -> "#Chinwag.VectorClock<none>"
    end
  end
end
