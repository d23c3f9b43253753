defmodule Chinwag.Folded do
  @moduledoc """
  A `Chinwag.VectorClock` under the first so many retirements of a `Chinwag.Retired`, which makes it
  and gives the clock back. As bytes and as JSON it can be kept and sent by itself.

  Of a retired actor, no entry means all of its events, and 0 none of them. So two of them are
  compared and merged with the log: `Chinwag.Retired.compare/3`, `Chinwag.Retired.merge/3`.
  """

  alias Chinwag.{Clock, Error, VectorClock}

  require Clock

  @enforce_keys [:bytes]
  defstruct @enforce_keys

  @typedoc "A folded clock. What is in it may change with any version: see `to_bytes/1`."
  @type t :: %__MODULE__{bytes: binary()}
  @type made :: {:ok, t()} | {:error, Error.t()}

  @doc "How many retirements it is folded under."
  @spec epoch(t()) :: non_neg_integer()
  def epoch(%__MODULE__{bytes: bytes}), do: asked(bytes, {"folded_epoch", bytes})

  @doc "The entries that are left. It is not for `Chinwag.VectorClock.compare/2`."
  @spec clock(t()) :: VectorClock.t()
  def clock(%__MODULE__{bytes: bytes}),
    do: %VectorClock{bytes: asked(bytes, {"folded_clock", bytes})}

  @doc "Whether both are of one epoch and hold the same entries, whatever their stamps are."
  @spec equal?(t(), t()) :: boolean()
  def equal?(%__MODULE__{} = one, %__MODULE__{} = other) do
    epoch(one) == epoch(other) and
      VectorClock.to_list(clock(one)) == VectorClock.to_list(clock(other))
  end

  @doc "The bytes of the clock and its epoch: the same in every language."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{bytes: bytes}), do: bytes

  @doc """
  The folded clock of the bytes that `to_bytes/1` gives. Whether the log here is long enough is
  asked when it is used.
  """
  @spec from_bytes(binary()) :: made()
  def from_bytes(bytes), do: read(bytes, {"read_folded", bytes})

  @doc "The clock and its epoch as JSON."
  @spec to_json(t()) :: String.t()
  def to_json(%__MODULE__{bytes: bytes}), do: asked(bytes, {"folded_to_json", bytes})

  @doc "The folded clock of the JSON that `to_json/1` gives, of at most 4 MiB."
  @spec from_json(String.t()) :: made()
  def from_json(json), do: read(json, {"folded_from_json", json})

  Clock.raising(from_bytes: {[:bytes], t()}, from_json: {[:json], t()})

  defp asked(bytes, request), do: Clock.ask!(Clock.size(bytes), request)

  defp read(given, request) do
    with bytes when is_binary(bytes) <- Clock.ask(Clock.size(given), request),
         do: {:ok, %__MODULE__{bytes: bytes}}
  end

  defimpl Inspect do
    import Inspect.Algebra

    def inspect(folded, options) do
      counts = folded |> Chinwag.Folded.clock() |> Map.new() |> to_doc(options)
      epoch = Integer.to_string(Chinwag.Folded.epoch(folded))
      concat(["#Chinwag.Folded<", counts, ", epoch ", epoch, ">"])
    rescue
      Chinwag.Error -> "#Chinwag.Folded<none>"
    end
  end
end
