# The client's side in Elixir: it obeys the commands of `src/messages/mod.rs`, whatever carries the
# messages. A carrier is a module with `echo/2`, `cast/2` and `count/1`, and what these are given.

defmodule Bench.Client do
  @patience 60_000

  def run(server, spans \\ [], processed \\ 0) do
    case IO.gets("") do
      :eof -> :ok
      line -> obey(String.split(line), server, spans, processed)
    end
  end

  defp obey(["call", callers, seconds], server, _spans, processed) do
    began = System.monotonic_time()
    ends = began + round(number(seconds) * System.convert_time_unit(1, :second, :native))
    payload = :binary.copy(<<1>>, 64)
    call = fn _ -> Task.async(fn -> call_until(server, payload, ends, began, []) end) end
    tasks = Enum.map(1..String.to_integer(callers), call)
    spans = Enum.map(tasks, &Task.await(&1, @patience))
    say(spans |> Enum.map(&length/1) |> Enum.sum(), began, 0)
    run(server, spans, processed)
  end

  defp obey(["spans"], server, spans, processed) do
    sorted = spans |> Enum.concat() |> Enum.sort() |> List.to_tuple()
    us = &(elem(sorted, max(0, ceil(tuple_size(sorted) * &1) - 1)) / unit())
    IO.puts(~s({"p50_us":#{us.(0.50)},"p99_us":#{us.(0.99)}}))
    run(server, spans, processed)
  end

  defp obey(["cast", bytes, batch, seconds], server, spans, processed) do
    began = System.monotonic_time()
    ends = began + round(number(seconds) * System.convert_time_unit(1, :second, :native))
    payload = :binary.copy(<<1>>, String.to_integer(bytes))
    batch = String.to_integer(batch)
    {sent, now} = cast_until(server, payload, batch, ends, {0, processed})
    say(now - processed, began, sent - (now - processed))
    run(server, spans, now)
  end

  defp call_until({carrier, server} = to, payload, ends, began, spans) do
    carrier.echo(server, payload)
    now = System.monotonic_time()
    spans = [now - began | spans]
    if now < ends, do: call_until(to, payload, ends, now, spans), else: spans
  end

  defp cast_until({carrier, server} = to, payload, batch, ends, {sent, processed}) do
    if System.monotonic_time() < ends do
      for _ <- 1..batch, do: carrier.cast(server, payload)
      processed = carrier.count(server)
      cast_until(to, payload, batch, ends, {sent + batch, processed})
    else
      {sent, processed}
    end
  end

  defp say(count, began, lost) do
    seconds = (System.monotonic_time() - began) / System.convert_time_unit(1, :second, :native)
    IO.puts(~s({"count":#{count},"seconds":#{seconds},"lost":#{lost}}))
  end

  defp unit, do: System.convert_time_unit(1, :second, :native) / 1_000_000

  defp number(text), do: text |> Float.parse() |> elem(0)
end
