defmodule Chinwag.Codec do
  @moduledoc false
  # Values as `{number, bytes}` of the codec that the frame names, and back.

  alias Chinwag.{Error, Native, Payload}

  @raw 0
  @msgpack 1
  @json 2
  @etf 3
  # The first of those that users agree on.
  @user 128

  @doc "The number and the bytes of a value."
  def encode(value, codec) when codec in [:msgpack, @msgpack], do: with_number(value, @msgpack)
  def encode(value, codec) when codec in [:json, @json], do: with_number(value, @json)
  def encode(value, codec) when codec in [:etf, @etf], do: with_number(value, @etf)
  def encode(value, :raw), do: encode(value, @raw)

  def encode(value, codec) when codec == @raw or codec in @user..255 do
    {:ok, {codec, IO.iodata_to_binary(value)}}
  rescue
    ArgumentError -> {:error, Error.new(:codec, "with this codec a payload is iodata")}
  end

  def encode(_value, codec) do
    message = "codec: is :msgpack, :raw, :json, :etf or a number from 128 to 255, and not "
    {:error, Error.new(:bad_argument, message <> inspect(codec))}
  end

  defp with_number(value, @etf), do: {:ok, {@etf, :erlang.term_to_binary(value)}}

  defp with_number(value, number) do
    with {:ok, bytes} <- Payload.encode(value),
         {:ok, bytes} <- written(bytes, number),
         do: {:ok, {number, bytes}}
  end

  defp written(bytes, @msgpack), do: {:ok, bytes}

  defp written(bytes, @json) do
    with :large <- Native.payload_to_json(bytes), do: Native.payload_to_json_large(bytes)
  end

  @doc "The value of bytes, as their number says."
  def decode({@msgpack, bytes}), do: Payload.decode(bytes)
  def decode({codec, bytes}) when codec == @raw or codec >= @user, do: {:ok, bytes}
  def decode({@etf, bytes}), do: term(bytes)

  def decode({@json, text}) do
    with :large <- Native.payload_from_json(text), do: Native.payload_from_json_large(text)
  end

  def decode({codec, _bytes}), do: {:error, Error.new(:codec, "no codec has number #{codec}")}

  # Compressed, a few bytes may be gigabytes.
  defp term(<<131, 80, _::binary>>), do: wrong("compressed terms are not taken")

  defp term(bytes) do
    term = :erlang.binary_to_term(bytes, [:safe])
    if inert?(term), do: {:ok, term}, else: wrong("functions are not taken")
  rescue
    ArgumentError -> wrong("these bytes are no term, or have an atom that is not known here")
  end

  # Many functions of the standard library call one that they are given in place of a list.
  defp inert?(term) when is_function(term), do: false
  defp inert?([head | tail]), do: inert?(head) and inert?(tail)
  defp inert?(term) when is_tuple(term), do: term |> Tuple.to_list() |> inert?()
  defp inert?(term) when is_map(term), do: term |> :maps.to_list() |> inert?()
  defp inert?(_term), do: true

  defp wrong(why), do: {:error, Error.new(:codec, why)}
end
