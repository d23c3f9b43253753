defmodule Chinwag.Handler do
  @moduledoc false
  # Runs the handler of one message, in a process of its own, and answers for it. Calls that are
  # made within have no more time than is left of this one.

  alias Chinwag.{Answering, Error, Sender}

  @deadline :"$chinwag_deadline"

  def run(handler, op, value, sender, options) do
    Process.put(@deadline, sender.deadline)
    arguments = Enum.take([op, value, sender], arity(handler))

    try do
      apply(handler, arguments)
    catch
      kind, reason -> failed(sender.call, kind, reason, __STACKTRACE__, arguments, options)
    else
      :noreply -> exit({:shutdown, :noreply})
      value -> if sender.call, do: Answering.answer(sender.call, value)
    end
  end

  @doc "Milliseconds that are left for calls of this process, or `nil`."
  def left do
    case Process.get(@deadline, :infinity) do
      :infinity -> nil
      deadline -> Sender.remaining(%Sender{node: "", key: nil, headers: %{}, deadline: deadline})
    end
  end

  defp arity(handler) do
    {:arity, arity} = Function.info(handler, :arity)
    arity
  end

  # Nobody is told what a cast came to; it is logged as any process that fails.
  defp failed(nil, kind, reason, stack, _arguments, _options),
    do: :erlang.raise(kind, reason, stack)

  defp failed({request, _codec}, kind, reason, stack, arguments, options) do
    shown = if options.expose_stack, do: Exception.format_stacktrace(stack)

    case {kind, reason, stack} do
      # No clause for these arguments, of the handler or of what it hands them to as they are.
      {:error, :function_clause, [{_module, _function, ^arguments, _} | _]} ->
        Answering.refuse(request, Error.unknown_op(hd(arguments)))

      {:error, reason, stack} ->
        Answering.raised(request, Exception.normalize(:error, reason, stack), shown)

      {:exit, reason, _stack} ->
        Answering.ended(request, "exit", reason, shown)

      {:throw, value, _stack} ->
        Answering.ended(request, "throw", value, shown)
    end
  end
end
