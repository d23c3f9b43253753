defmodule Chinwag.LamportClock do
  @moduledoc """
  One number that every event and every number of others raises, so that what follows from something
  has a larger number than it. The reverse does not hold: see `Chinwag.VectorClock` for what may
  have happened side by side.

      iex> alias Chinwag.LamportClock
      iex> {1, clock} = LamportClock.tick(LamportClock.new())
      iex> {9, clock} = LamportClock.observe(clock, 8)
      iex> clock.time
      9

  At 2^64 - 1 it stays. What is no number of 64 bits raises `Chinwag.Error`.
  """

  alias Chinwag.Clock

  defstruct time: 0

  @typedoc "A clock: the number of the last event."
  @type t :: %__MODULE__{time: time()}
  @type time :: 0..0xFFFFFFFFFFFFFFFF

  @doc "A clock at a number, at 0 unless told otherwise."
  @spec new(time()) :: t()
  def new(time \\ 0) do
    # The native side judges it.
    _ = Clock.ask!(0, {"lamport_tick", time})
    %__MODULE__{time: time}
  end

  @doc "The number of something that happens here, and the clock after it."
  @spec tick(t()) :: {time(), t()}
  def tick(%__MODULE__{time: time}), do: numbered(Clock.ask!(0, {"lamport_tick", time}))

  @doc "The number of having received something with a number, and the clock after it."
  @spec observe(t(), time()) :: {time(), t()}
  def observe(%__MODULE__{time: time}, remote),
    do: numbered(Clock.ask!(0, {"lamport_observe", time, remote}))

  @doc "Which has the larger number: `:lt`, `:eq` or `:gt`."
  @spec compare(t(), t()) :: :lt | :eq | :gt
  def compare(%__MODULE__{time: one}, %__MODULE__{time: other}) when one < other, do: :lt
  def compare(%__MODULE__{time: one}, %__MODULE__{time: other}) when one > other, do: :gt
  def compare(%__MODULE__{}, %__MODULE__{}), do: :eq

  defp numbered(time), do: {time, %__MODULE__{time: time}}
end
