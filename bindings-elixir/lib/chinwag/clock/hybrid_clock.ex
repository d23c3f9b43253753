defmodule Chinwag.HybridClock do
  @moduledoc """
  A hybrid logical clock: stamps near the time on the wall that ascend whatever that does. What was
  stamped after having seen another stamp is greater than it, so the last writer is the same for
  everybody.

      iex> alias Chinwag.HybridClock
      iex> {sent, _theirs} = HybridClock.tick(HybridClock.new(), 1_795_316_449_123_000)
      iex> # Our clock is behind by 100 ms, and what we stamp is later all the same.
      iex> {received, _ours} = HybridClock.observe!(HybridClock.new(), sent, 1_795_316_449_023_000)
      iex> HybridClock.compare(sent, received)
      :lt
      iex> to_string(received)
      "001795316449123.00001"

  It is told the time, in microseconds: `System.os_time(:microsecond)`. A clock is a value; keep the
  one that comes back with a stamp, in the state of a process, say.
  """

  alias Chinwag.{Clock, Error, HybridTime}

  require Clock

  defstruct last: %HybridTime{}, drift_us: 500_000

  @typedoc "A clock: its last stamp, and how far stamps of others may be ahead, in microseconds."
  @type t :: %__MODULE__{last: HybridTime.t(), drift_us: non_neg_integer()}

  @doc """
  A clock.

    * `:drift_us` - how far the stamps of others may be ahead of the time here, in microseconds;
      half a second unless told otherwise
    * `:last` - the stamp that it goes on after, such as the last of a process that has ended
  """
  @spec new(drift_us: non_neg_integer(), last: HybridTime.t()) :: t()
  def new(options \\ []) do
    [last, drift] = Clock.options!(options, last: %HybridTime{}, drift_us: 500_000)
    if not is_struct(last, HybridTime), do: raise(Clock.bad("last is a Chinwag.HybridTime"))
    # The native side judges both.
    _ = Clock.ask!(0, {"tick", last.number, drift, 0})
    %__MODULE__{last: last, drift_us: drift}
  end

  @doc "A stamp for something that happens here at the time `now`, and the clock after it."
  @spec tick(t(), non_neg_integer()) :: {HybridTime.t(), t()}
  def tick(%__MODULE__{last: last, drift_us: drift} = clock, now),
    do: stamped(clock, Clock.ask!(0, {"tick", last.number, drift, now}))

  @doc """
  A stamp for having received another one at the time `now`, and the clock after it.

  `:bad_argument` when the other is farther ahead of the time here than is allowed. So one host with
  a wrong time cannot take everybody along.
  """
  @spec observe(t(), HybridTime.t(), non_neg_integer()) ::
          {:ok, {HybridTime.t(), t()}} | {:error, Error.t()}
  def observe(%__MODULE__{last: last, drift_us: drift} = clock, %HybridTime{} = remote, now) do
    with number when is_integer(number) <-
           Clock.ask(0, {"observe", last.number, drift, remote.number, now}),
         do: {:ok, stamped(clock, number)}
  end

  Clock.raising(observe: {[:clock, :remote, :now], {HybridTime.t(), t()}})

  @doc "Which is later, of two stamps or of two clocks by their last ones: `:lt`, `:eq` or `:gt`."
  @spec compare(HybridTime.t() | t(), HybridTime.t() | t()) :: :lt | :eq | :gt
  def compare(%__MODULE__{last: one}, %__MODULE__{last: other}), do: compare(one, other)
  def compare(%HybridTime{} = one, %HybridTime{} = other), do: HybridTime.compare(one, other)

  defp stamped(clock, number) do
    stamp = %HybridTime{number: number}
    {stamp, %{clock | last: stamp}}
  end
end
