defmodule Chinwag.Answering do
  @moduledoc false
  # Answers calls: with values, and with what went wrong.

  alias Chinwag.{Codec, Constants, Error, Native}

  # Characters of what something exited with that are told.
  @shown 200

  @doc "Answers with a value, or with the error that it is; whether anybody was still waiting."
  def answer({request, codec}, value) do
    case value do
      %{__exception__: true} = exception -> raised(request, exception, nil)
      value -> told(request, Codec.encode(value, codec))
    end
  end

  # What another server failed with, where this one has asked it.
  defp passed_on(request, %Error{remote: %{class: class, message: message}}),
    do: Native.request_fail(request, {class, message, nil})

  defp passed_on(request, error), do: refuse(request, error)

  defp told(request, {:ok, payload}), do: Native.reply(request, payload)
  # The server has done what it was asked for.
  defp told(request, {:error, error}), do: refuse(request, %{error | maybe_executed: true})

  @doc "Answers with an error of ours."
  def refuse(request, %Error{} = error) do
    number = Keyword.get(Constants.errors(), error.code, 0)
    Native.request_refuse(request, number, text(error.message), error.maybe_executed)
  end

  @doc "Answers with an exception; the stack is told if there is one."
  def raised(request, %Error{} = error, _stack), do: passed_on(request, error)

  def raised(request, exception, stack) do
    class = inspect(exception.__struct__)
    Native.request_fail(request, {class, text(Exception.message(exception)), stack})
  end

  @doc "Answers with what a handler threw or exited with."
  def ended(request, class, reason, stack) do
    Native.request_fail(request, {class, shown(reason), stack})
  end

  @doc "Answers a call of a process that is no more."
  def gone(request, _op, reason) when reason in [:normal, :shutdown], do: stopped(request)
  def gone(request, _op, {:shutdown, _}), do: stopped(request)

  def gone(request, op, {:function_clause, [{_module, :handle_call, [{op, _}, _, _], _} | _]}),
    do: refuse(request, Error.unknown_op(op))

  def gone(request, _op, {reason, [{_, _, _, _} | _] = stack}),
    do: raised(request, Exception.normalize(:error, reason, stack), nil)

  def gone(request, _op, reason), do: ended(request, "exit", reason, nil)

  @doc "What those are told who follow a process that is no more; nothing if it ended well."
  def last_words(reason) when reason in [:normal, :shutdown], do: ""
  def last_words({:shutdown, _}), do: ""

  def last_words({reason, [{_, _, _, _} | _] = stack}) do
    exception = Exception.normalize(:error, reason, stack)
    "#{inspect(exception.__struct__)}: #{text(Exception.message(exception))}"
  end

  def last_words(reason), do: shown(reason)

  defp stopped(request) do
    error = Error.new(:no_server, "the server ended before it answered")
    refuse(request, %{error | maybe_executed: true})
  end

  defp shown(reason), do: text(inspect(reason, limit: 20, printable_limit: @shown))

  # Whatever an exception says, what is told is text.
  defp text(message) when is_binary(message) do
    if String.valid?(message), do: message, else: inspect(message)
  end

  defp text(message), do: inspect(message)
end
