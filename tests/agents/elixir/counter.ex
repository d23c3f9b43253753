defmodule ChinwagAgent.Counter do
  @moduledoc "The server of the scenarios, and the values that it gets and gives."

  alias Chinwag.Sender

  def serve(mesh, name) do
    counter = :counters.new(1, [])
    Chinwag.serve(mesh, name, &answer({counter, mesh}, &1, &2, &3))
  end

  # The header that goes from call to call.
  def trace, do: "traceparent"

  defp answer(_counter, "echo", value, _sender), do: value
  defp answer({counter, _mesh}, "get", _value, _sender), do: :counters.get(counter, 1)
  defp answer(_counter, "fail", text, _sender), do: raise(text)
  defp answer(_counter, "long", count, _sender), do: String.duplicate("x", count)
  defp answer(_counter, "wait", millis, _sender), do: sleep(millis)
  # Longer than anybody waits, also where clocks are late.
  defp answer(_counter, "never", _, sender), do: sleep(Sender.remaining(sender) + 500)
  defp answer(_counter, "who", _value, sender), do: sender.node

  defp answer(_counter, "traced", _value, sender), do: Map.get(sender.headers, trace(), "")

  defp answer({_counter, mesh}, "relay", target, sender) do
    headers = Map.take(sender.headers, [trace()])
    Chinwag.call!(mesh, target, "traced", nil, headers: headers)
  end

  defp answer({counter, _mesh}, "add", by, _sender) do
    :counters.add(counter, 1, by)
    :counters.get(counter, 1)
  end

  defp answer(_counter, "count", last, sender), do: count(last, sender)
  defp answer(_counter, "sum", _value, sender), do: sender |> Chinwag.items() |> Enum.sum()

  defp answer(_counter, "mirror", _value, sender),
    do: sender |> Chinwag.items() |> Enum.map(&Chinwag.send_item!(sender, &1)) |> length()

  defp answer(_counter, "break", last, sender) do
    count(last, sender)
    raise "broken"
  end

  defp answer(_counter, op, _value, _sender), do: Chinwag.Error.unknown_op(op)

  defp count(last, sender) do
    for n <- 1..last//1, do: Chinwag.send_item!(sender, n)
    last
  end

  defp sleep(millis) do
    Process.sleep(millis)
    nil
  end

  def parse("i" <> digits), do: String.to_integer(digits)
  def parse("f" <> number), do: number |> Float.parse() |> elem(0)
  def parse("t" <> text), do: text
  def parse("b" <> bytes), do: {:bytes, bytes}
  def parse(_), do: nil

  def format(value) when is_integer(value), do: "i#{value}"
  def format(value) when is_float(value), do: "f#{value}"
  def format(value) when is_binary(value), do: "t" <> value
  def format({:bytes, bytes}), do: "b" <> bytes
  def format(nil), do: "n"
  def format(_value), do: "?"
end
