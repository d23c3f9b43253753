defmodule Chinwag.Operation do
  @moduledoc false
  # What the functions of a node are made of.

  alias Chinwag.{Error, Native, Node, Telemetry}

  @default_timeout 5_000

  @doc "The native node; raises if there is none."
  def native!(mesh), do: mesh |> Node.fetch() |> bang!()

  @doc "Performs an operation whose payload is of that many bytes, and waits for its outcome."
  def run(mesh, {name, _argument} = operation, timeout \\ @default_timeout, size \\ 0) do
    Telemetry.operation(mesh, name, fn ->
      with {:ok, native} <- Node.fetch(mesh), do: Native.run(native, operation, timeout, size)
    end)
  end

  @doc "What is no iodata stays as it is, and is refused where it is read."
  def flat(payload) do
    IO.iodata_to_binary(payload)
  rescue
    ArgumentError -> payload
  end

  @doc "How many bytes there are to copy."
  def size({_codec, bytes}), do: byte_size(bytes)
  def size(payload) when is_binary(payload), do: byte_size(payload)
  def size(_payload), do: 0

  @doc "What was read; raises what went wrong instead."
  def read!({:error, error}), do: raise(error)
  def read!(value), do: value

  @doc "What came of an operation; raises what went wrong instead."
  def bang!(:ok), do: :ok
  def bang!({:ok, value}), do: value
  def bang!({:error, %Error{} = error}), do: raise(error)
end
