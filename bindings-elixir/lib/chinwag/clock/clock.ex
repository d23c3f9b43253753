defmodule Chinwag.Clock do
  @moduledoc false
  # How clocks ask the native side (`clock/mod.rs` there).

  alias Chinwag.{Error, Native}

  # Bytes of clocks that are worked on by an ordinary scheduler at most: below a millisecond, even
  # where names share so much with each other that they come to a hundred times as many.
  @small 16_384
  # What a thing in a list counts as.
  @item 16

  defguard is_small(bytes) when byte_size(bytes) <= @small
  defguard is_small(one, other) when byte_size(one) + byte_size(other) <= @small

  @doc "The outcome of a request about so many bytes, or `{:error, error}`."
  @spec ask(non_neg_integer(), tuple()) :: term()
  def ask(size, request) when size <= @small, do: Native.clock(request)
  def ask(_size, request), do: Native.clock_large(request)

  @doc "As `ask/2`, but raises."
  @spec ask!(non_neg_integer(), tuple()) :: term()
  def ask!(size, request) do
    case ask(size, request) do
      {:error, error} -> raise error
      outcome -> outcome
    end
  end

  @doc "What something counts as; what is of the wrong type is small."
  @spec size(term()) :: non_neg_integer()
  def size(bytes) when is_binary(bytes), do: byte_size(bytes)
  def size(list) when is_list(list) and length(list) >= 0, do: @item * length(list)
  def size(_other), do: 0

  @doc "A list of what can be enumerated; else what it was, which the native side refuses."
  @spec listed(term()) :: term()
  def listed(list) when is_list(list), do: list

  def listed(other) do
    if is_function(other) or Enumerable.impl_for(other) == nil,
      do: other,
      else: Enum.to_list(other)
  end

  @doc "The values of known options, in the order of `names`, with their defaults."
  @spec options!(term(), keyword()) :: [term()]
  def options!(options, known) do
    if not Keyword.keyword?(options), do: raise(bad("the options of a clock are a keyword list"))

    for {name, _value} <- options, not Keyword.has_key?(known, name) do
      raise bad(
              "a clock has no option #{inspect(name)}; known are #{inspect(Keyword.keys(known))}"
            )
    end

    for {name, default} <- known, do: Keyword.get(options, name, default)
  end

  @spec bad(String.t()) :: Error.t()
  def bad(message), do: Error.new(:bad_argument, message)

  @doc "Defines variants with `!` of functions: their parameters, and what they return."
  defmacro raising(functions) do
    for {name, {parameters, returned}} <- functions do
      parameters = Enum.map(parameters, &Macro.var(&1, __MODULE__))
      types = Enum.map(parameters, fn _ -> quote(do: term()) end)

      quote do
        @doc "As `#{unquote(name)}/#{unquote(length(parameters))}`, but raises."
        @spec unquote(:"#{name}!")(unquote_splicing(types)) :: unquote(returned)
        def unquote(:"#{name}!")(unquote_splicing(parameters)) do
          case unquote(name)(unquote_splicing(parameters)) do
            {:ok, made} -> made
            {:error, error} -> raise error
          end
        end
      end
    end
  end
end
