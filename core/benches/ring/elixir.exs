# Rings in Elixir; `src/languages.rs` has what is printed.
#
#     elixir.exs NODES...
#
# There is no ring in the standard library: what stands beside ours is what the hash alone costs
# that ex_hash_ring (MD5) and libring (phash2) take. Passes take turns, and of each figure the
# median counts. Times are CPU time of the VM.

defmodule Bench.Rings do
  alias Chinwag.Ring

  @passes 5
  @few 100_000
  @more "one-more.cluster.example.net"

  def measure(size) do
    keys = for n <- 0..199_999, do: "user:" <> String.pad_leading("#{n}", 16, "0")
    few = Enum.take(keys, @few)
    packed = IO.iodata_to_binary(few)
    ring = Ring.new!(names(size))
    middle = Enum.at(names(size), div(size, 2))

    ours = [
      {"look-up", fn -> each(few, &Ring.owner(ring, &1)) end, @few},
      {"three owners", fn -> each(few, &Ring.owners(ring, &1, 3)) end, @few},
      {"look-up in a batch", fn -> Ring.owners_many(ring, few) end, @few},
      {"look-up in a packed batch", fn -> Ring.owner_numbers(ring, packed, 21) end, @few},
      {"add a node", fn -> Ring.with_node!(ring, @more) end, 1.0e6},
      {"remove a node", fn -> Ring.without!(ring, middle) end, 1.0e6},
      {"build", fn -> Ring.new!(names(size)) end, 1.0e6}
    ]

    md5 = [{"look-up", fn -> each(few, &:erlang.md5(&1)) end, @few}]
    phash2 = [{"look-up", fn -> each(few, &:erlang.phash2(&1)) end, @few}]
    works = [{"chinwag", ours}, {"md5 alone", md5}, {"phash2 alone", phash2}]

    passes =
      for _ <- 1..@passes, {peer, rows} <- works, {row, work, of} <- rows do
        {{peer, row}, cpu(work) / of}
      end

    medians = Enum.group_by(passes, &elem(&1, 0), &elem(&1, 1))

    for {peer, rows} <- works do
      values = Map.new(rows, fn {row, _, _} -> {row, median(medians[{peer, row}])} end)
      values = if peer == "chinwag", do: Map.merge(values, placement(ring, keys)), else: values
      told = for {row, value} <- values, do: ~s("#{row}":#{value / 1})
      IO.puts(~s({"peer":"#{peer}","size":#{size},"values":{#{Enum.join(told, ",")}}}))
    end
  end

  defp names(count),
    do: for(n <- 0..(count - 1), do: "node-#{pad(n)}.cluster.example.net")

  defp pad(n), do: String.pad_leading("#{n}", 5, "0")

  defp each([], _ask), do: :ok

  defp each([key | keys], ask) do
    ask.(key)
    each(keys, ask)
  end

  defp placement(ring, keys) do
    larger = Ring.with_node!(ring, @more)
    owners = Enum.map(keys, &Ring.owner(ring, &1))
    {count, size} = {length(keys), Ring.size(ring)}
    busiest = owners |> Enum.frequencies() |> Map.values() |> Enum.max()

    moved =
      Enum.zip(keys, owners) |> Enum.count(fn {key, was} -> Ring.owner(larger, key) != was end)

    %{
      "busiest node of the keys, of the mean" => busiest * size / count,
      "moved by a join, of the least" => moved * (size + 1) / count
    }
  end

  defp median(values), do: values |> Enum.sort() |> Enum.at(div(length(values), 2))

  # Nanoseconds of all threads of the VM, in a process of its own: no garbage of the one before.
  defp cpu(work) do
    task =
      Task.async(fn ->
        # To look at the clocks of all threads takes a millisecond.
        floor = cpu_ns()
        floor = cpu_ns() - floor
        began = cpu_ns()
        work.()
        cpu_ns() - began - floor
      end)

    Task.await(task, :infinity)
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

for argument <- System.argv(), do: Bench.Rings.measure(String.to_integer(argument))
