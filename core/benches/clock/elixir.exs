# Vector clocks in Elixir; `src/languages.rs` has what is printed.
#
#     elixir.exs ACTORS...
#
# There is no clock in the standard library; beside ours stands a map, as a careful program without
# a library would have it, and the external term format. Passes take turns, and of each figure the
# median counts. Times are CPU time of the VM.

defmodule Bench.Clocks do
  alias Chinwag.{ActorTable, VectorClock}

  @passes 7

  def measure(size) do
    counts = for n <- 0..(size - 1), do: {"web-#{n}~1795316449", 1000}
    {actor, _} = hd(counts)
    {clock, other} = {VectorClock.new(counts), VectorClock.new(counts)}
    {map, their} = {Map.new(counts), Map.new(counts)}
    {bytes, term} = {VectorClock.to_bytes(clock), :erlang.term_to_binary(map)}
    dense = VectorClock.to_dense!(clock, ActorTable.new!(Enum.map(counts, &elem(&1, 0))))

    # Ours is kept as its bytes, so it is read and written with nothing but a check.
    ours = [
      {"increment", fn -> VectorClock.increment(clock, actor) end},
      {"merge", fn -> VectorClock.merge(clock, other) end},
      {"compare", fn -> VectorClock.compare(clock, other) end},
      {"encode", fn -> VectorClock.to_bytes(clock) end},
      {"decode", fn -> VectorClock.from_bytes!(bytes) end}
    ]

    maps = [
      {"increment", fn -> Map.update(map, actor, 1, &(&1 + 1)) end},
      {"merge", fn -> Map.merge(map, their, fn _, a, b -> max(a, b) end) end},
      {"compare", fn -> {descends?(map, their), descends?(their, map)} end},
      {"encode", fn -> :erlang.term_to_binary(map) end},
      {"decode", fn -> :erlang.binary_to_term(term) end}
    ]

    works = [{"chinwag", ours}, {"plain map", maps}]
    times = max(500, div(200_000, size))

    passes =
      for _ <- 1..@passes, {peer, rows} <- works, {row, work} <- rows do
        {{peer, row}, cpu(work, times)}
      end

    medians = Enum.group_by(passes, &elem(&1, 0), &elem(&1, 1))
    sizes = %{"chinwag" => [{"bytes", byte_size(bytes)}, {"bytes, dense", byte_size(dense)}]}

    for {peer, rows} <- works do
      values = for {row, _} <- rows, do: {row, median(medians[{peer, row}])}
      told = values ++ Map.get(sizes, peer, [{"bytes", byte_size(term)}])
      told = for {row, value} <- told, do: ~s("#{row}":#{value / 1})
      IO.puts(~s({"peer":"#{peer}","size":#{size},"values":{#{Enum.join(told, ",")}}}))
    end
  end

  defp descends?(one, other),
    do: Enum.all?(other, fn {actor, count} -> Map.get(one, actor, 0) >= count end)

  defp median(values), do: values |> Enum.sort() |> Enum.at(div(length(values), 2))

  # Nanoseconds of all threads of the VM for doing it once, in a process of its own.
  defp cpu(work, times) do
    task =
      Task.async(fn ->
        # To look at the clocks of all threads takes a millisecond.
        floor = cpu_ns()
        floor = cpu_ns() - floor
        began = cpu_ns()
        repeat(work, times)
        (cpu_ns() - began - floor) / times
      end)

    Task.await(task, :infinity)
  end

  defp repeat(_work, 0), do: :ok

  defp repeat(work, times) do
    work.()
    repeat(work, times - 1)
  end

  defp cpu_ns do
    for thread <- File.ls!("/proc/self/task"), reduce: 0 do
      sum ->
        case File.read("/proc/self/task/#{thread}/schedstat") do
          {:ok, line} -> sum + (line |> String.split() |> hd() |> String.to_integer())
          {:error, _} -> sum
        end
    end
  end
end

for argument <- System.argv(), do: Bench.Clocks.measure(String.to_integer(argument))
