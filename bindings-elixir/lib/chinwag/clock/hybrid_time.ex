defmodule Chinwag.HybridTime do
  @moduledoc """
  A stamp of a `Chinwag.HybridClock`: 48 bits of milliseconds, and 16 bits of a counter below them.

      iex> alias Chinwag.HybridTime
      iex> stamp = HybridTime.parse!("001795316449123.00042")
      iex> {HybridTime.ms(stamp), HybridTime.counter(stamp)}
      {1795316449123, 42}
      iex> "written at \#{stamp}"
      "written at 001795316449123.00042"
      iex> HybridTime.compare(stamp, HybridTime.new!(0))
      :gt

  Numbers, texts and bytes sort as stamps do, and so does `Enum.sort(stamps, Chinwag.HybridTime)`.
  """

  alias Chinwag.{Clock, Error}

  require Clock

  defstruct number: 0

  @type t :: %__MODULE__{number: 0..0xFFFFFFFFFFFFFFFF}
  @type made :: {:ok, t()} | {:error, Error.t()}

  @doc "The stamp of a number of 64 bits, as `to_integer/1` gives it."
  @spec new(non_neg_integer()) :: made()
  def new(number), do: made({"stamp", number})

  @doc "The stamp of the text that `to_string/1` gives."
  @spec parse(String.t()) :: made()
  def parse(text), do: made({"read_stamp", text})

  @doc "The stamp of the 8 bytes that `to_bytes/1` gives."
  @spec from_bytes(binary()) :: made()
  def from_bytes(bytes), do: made({"stamp_of_bytes", bytes})

  Clock.raising(new: {[:number], t()}, parse: {[:text], t()}, from_bytes: {[:bytes], t()})

  @doc "The stamp as one number."
  @spec to_integer(t()) :: non_neg_integer()
  def to_integer(%__MODULE__{number: number}), do: number

  @doc "15 digits of milliseconds, a dot, and 5 digits of the counter."
  @spec to_string(t()) :: String.t()
  def to_string(%__MODULE__{number: number}), do: Clock.ask!(0, {"stamp_text", number})

  @doc "The number in 8 bytes, the highest first."
  @spec to_bytes(t()) :: binary()
  def to_bytes(%__MODULE__{number: number}), do: <<number::64>>

  @doc "Milliseconds, of the time that the clock was told."
  @spec ms(t()) :: non_neg_integer()
  def ms(%__MODULE__{number: number}), do: Bitwise.bsr(number, 16)

  @doc "What tells stamps of one millisecond apart."
  @spec counter(t()) :: 0..0xFFFF
  def counter(%__MODULE__{number: number}), do: Bitwise.band(number, 0xFFFF)

  @doc "Which is later: `:lt`, `:eq` or `:gt`."
  @spec compare(t(), t()) :: :lt | :eq | :gt
  def compare(%__MODULE__{number: one}, %__MODULE__{number: other}) when one < other, do: :lt
  def compare(%__MODULE__{number: one}, %__MODULE__{number: other}) when one > other, do: :gt
  def compare(%__MODULE__{}, %__MODULE__{}), do: :eq

  defp made(request) do
    with number when is_integer(number) <- Clock.ask(0, request),
         do: {:ok, %__MODULE__{number: number}}
  end

  defimpl String.Chars do
    defdelegate to_string(stamp), to: Chinwag.HybridTime
  end

  defimpl Inspect do
    def inspect(stamp, _options) do
      "#Chinwag.HybridTime<#{stamp}>"
    rescue
      Chinwag.Error -> "#Chinwag.HybridTime<none>"
    end
  end
end
