defmodule Chinwag.Retired do
  @moduledoc """
  A log of actors that have ended, each with its final count: what a cluster has agreed on. It only
  ever grows, at its end, and is the same for all; its length is the *epoch*.

  Under it, a `Chinwag.VectorClock` needs no entry of an actor of which it knows everything, and
  nothing is forgotten by leaving it out: every counter comes back, and no comparison comes out
  differently. No time on a wall is asked, unlike in `Chinwag.VectorClock.trim/3`.

      iex> alias Chinwag.{Folded, Retired, VectorClock}
      iex> clock = VectorClock.new(%{"web-1~1" => 7, "web-1~2" => 3})
      iex> log = Retired.new!([{"web-1~1", 7}])
      iex> folded = Retired.fold!(log, clock)
      iex> VectorClock.actors(Folded.clock(folded))
      ["web-1~2"]
      iex> Retired.unfold!(log, folded) == clock
      true

  What makes something returns `{:ok, made}` or `{:error, %Chinwag.Error{}}`, and has a variant with
  `!`. Who has a shorter log than the epoch of a folded clock gets `:bad_argument`: bring the log up
  to date first.

  The log stays where it was made, for all processes of the VM. To keep it, and for other VMs, there
  are `to_bytes/1` and `to_json/1`. `equal?/2` compares two; `==` sees where they are.
  """

  import Kernel, except: [raise: 2]

  alias Chinwag.{Clock, Error, Folded, VectorClock}

  require Clock

  # The weight is a binary as large as the log, for the garbage collector to count.
  @enforce_keys [:native, :weight, :epoch]
  defstruct @enforce_keys

  @typedoc "A log. What is in it may change with any version."
  @type t :: %__MODULE__{native: reference(), epoch: non_neg_integer()}
  @type made :: {:ok, t()} | {:error, Error.t()}

  # What going through a retirement counts as, in bytes of a clock.
  @retirement 16

  @doc """
  A log of these actors and their final counts, in this order. `:bad_argument` for what is no actor
  or count, and for an actor that is there twice.
  """
  @spec new(Enumerable.t()) :: made()
  def new(pairs \\ []) do
    pairs = Clock.listed(pairs)
    made(Clock.ask(Clock.size(pairs), {"log", pairs}))
  end

  @doc """
  The log with one more actor, which has ended with `count` events. `:bad_argument` for one that has
  ended before: a process that comes back is another actor, of a higher incarnation. `:too_large`
  when all names would take more than 16 MiB.
  """
  @spec retire(t(), VectorClock.actor(), VectorClock.count()) :: made()
  def retire(%__MODULE__{} = log, actor, count),
    do: made(Clock.ask(length_of(log), {"retire", log.native, actor, count}))

  @doc "How many actors have ended."
  @spec epoch(t()) :: non_neg_integer()
  def epoch(%__MODULE__{epoch: epoch}), do: epoch

  @doc "The final count of an actor; `nil` as long as it has not ended."
  @spec get(t(), VectorClock.actor()) :: VectorClock.count() | nil
  def get(%__MODULE__{native: native}, actor), do: Clock.ask!(0, {"last", native, actor})

  @doc "The actors and their final counts, in the order of the log."
  @spec to_list(t()) :: [{String.t(), VectorClock.count()}]
  def to_list(%__MODULE__{} = log), do: Clock.ask!(length_of(log), {"retired", log.native})

  @doc "Whether both have the same retirements in the same order."
  @spec equal?(t(), t()) :: boolean()
  def equal?(%__MODULE__{} = one, %__MODULE__{} = other),
    do: Clock.ask!(length_of(one), {"same", one.native, other.native})

  @doc "The bytes of the log, to be kept beside what was folded under it: everywhere the same."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{} = log), do: Clock.ask!(length_of(log), {"log_to_bytes", log.native})

  @doc "The log of the bytes that `to_bytes/1` gives."
  @spec from_bytes(binary()) :: made()
  def from_bytes(bytes), do: made(Clock.ask(Clock.size(bytes), {"log_from_bytes", bytes}))

  @doc "The log as JSON."
  @spec to_json(t()) :: String.t()
  def to_json(%__MODULE__{} = log), do: Clock.ask!(length_of(log), {"log_to_json", log.native})

  @doc "The log of the JSON that `to_json/1` gives, of at most 4 MiB."
  @spec from_json(String.t()) :: made()
  def from_json(json), do: made(Clock.ask(Clock.size(json), {"log_from_json", json}))

  @doc "The clock under this log. Stamps of what is dropped are gone; counters are not."
  @spec fold(t(), VectorClock.t()) :: {:ok, Folded.t()} | {:error, Error.t()}
  def fold(%__MODULE__{} = log, %VectorClock{bytes: clock}),
    do: folded(log, clock, {"fold", log.native, clock})

  @doc "The clock as it was, counter by counter."
  @spec unfold(t(), Folded.t()) :: VectorClock.made()
  def unfold(%__MODULE__{} = log, %Folded{bytes: bytes}) do
    outcome = Clock.ask(length_of(log) + Clock.size(bytes), {"unfold", log.native, bytes})
    with clock when is_binary(clock) <- outcome, do: {:ok, %VectorClock{bytes: clock}}
  end

  @doc "The same clock under all of this log."
  @spec raise(t(), Folded.t()) :: {:ok, Folded.t()} | {:error, Error.t()}
  def raise(%__MODULE__{} = log, %Folded{bytes: bytes}),
    do: folded(log, bytes, {"raise", log.native, bytes})

  @doc "How two clocks stand to each other, of whatever epochs: as before they were folded."
  @spec compare(t(), Folded.t(), Folded.t()) ::
          {:ok, VectorClock.causality()} | {:error, Error.t()}
  def compare(%__MODULE__{} = log, %Folded{bytes: ours}, %Folded{bytes: theirs}) do
    size = length_of(log) + Clock.size(ours) + Clock.size(theirs)
    outcome = Clock.ask(size, {"compare_folded", log.native, ours, theirs})
    with causality when is_atom(causality) <- outcome, do: {:ok, causality}
  end

  @doc "All that either of two clocks knows, of whatever epochs, under all of this log."
  @spec merge(t(), Folded.t(), Folded.t()) :: {:ok, Folded.t()} | {:error, Error.t()}
  def merge(%__MODULE__{} = log, %Folded{bytes: ours}, %Folded{bytes: theirs}),
    do: folded(log, ours, {"merge_folded", log.native, ours, theirs}, Clock.size(theirs))

  Clock.raising(
    new: {[], t()},
    new: {[:pairs], t()},
    retire: {[:log, :actor, :count], t()},
    from_bytes: {[:bytes], t()},
    from_json: {[:json], t()},
    fold: {[:log, :clock], Folded.t()},
    unfold: {[:log, :folded], VectorClock.t()},
    raise: {[:log, :folded], Folded.t()},
    compare: {[:log, :ours, :theirs], VectorClock.causality()},
    merge: {[:log, :ours, :theirs], Folded.t()}
  )

  defp length_of(log), do: @retirement * log.epoch

  defp folded(log, bytes, request, more \\ 0) do
    outcome = Clock.ask(length_of(log) + Clock.size(bytes) + more, request)
    with folded when is_binary(folded) <- outcome, do: {:ok, %Folded{bytes: folded}}
  end

  defp made({:error, _} = wrong), do: wrong

  defp made({native, weight, epoch}),
    do: {:ok, %__MODULE__{native: native, weight: weight, epoch: epoch}}

  defimpl Enumerable do
    def count(log), do: {:ok, log.epoch}
    def member?(_log, _pair), do: {:error, __MODULE__}
    def slice(_log), do: {:error, __MODULE__}

    def reduce(log, accumulated, fun),
      do: Enumerable.List.reduce(Chinwag.Retired.to_list(log), accumulated, fun)
  end

  defimpl Inspect do
    def inspect(log, _options), do: "#Chinwag.Retired<epoch #{log.epoch}>"
  end
end
