# The Elixir reader of the event benchmark; `src/events/mod.rs` has the commands.
#
# A subscriber, as a program would write it: a message for each event is the way of the BEAM, so
# there is no naive variant beside it. Holding suspends the node's own process, because a
# subscriber that merely does not look would have the messages in its mailbox already.

defmodule Bench.Reader do
  def run(mesh) do
    :ok = Chinwag.subscribe(mesh, :members)
    loop(mesh, reset())
  end

  defp loop(mesh, stamps) do
    receive do
      {:chinwag, ^mesh, {:member_update, member, _previous}} ->
        now = :os.perf_counter(:nanosecond)
        taken = now - String.to_integer(member.tags["t"])
        first = stamps.first || now
        loop(mesh, %{stamps | taken: [taken | stamps.taken], first: first, last: now})

      {:chinwag, ^mesh, {:events_lost, count, _members}} ->
        loop(mesh, %{stamps | lost: stamps.lost + count})

      {:chinwag, ^mesh, _other} ->
        loop(mesh, stamps)

      {:command, command} ->
        loop(mesh, obey(command, stamps))
    end
  end

  defp obey("reset", _stamps), do: answered("{}", reset())
  defp obey("go", stamps), do: %{stamps | cpu: cpu_ns()}

  defp obey("count", stamps) do
    answered(~s({"events":#{length(stamps.taken)},"lost":#{stamps.lost}}), stamps)
  end

  defp obey("report", stamps) do
    cpu = cpu_ns() - stamps.cpu
    taken = stamps.taken |> Enum.sort() |> List.to_tuple()
    span = if tuple_size(taken) > 1, do: stamps.last - stamps.first

    answered(
      ~s({"events":#{tuple_size(taken)},"lost":#{stamps.lost},) <>
        ~s("p50_us":#{us(rank(taken, 0.50))},"p99_us":#{us(rank(taken, 0.99))},) <>
        ~s("span_us":#{us(span)},"cpu_us":#{us(cpu)}}),
      stamps
    )
  end

  defp answered(line, stamps) do
    IO.puts(line)
    stamps
  end

  defp reset, do: %{taken: [], lost: 0, first: nil, last: nil, cpu: cpu_ns()}

  defp rank({}, _share), do: nil
  defp rank(taken, share), do: elem(taken, max(0, ceil(tuple_size(taken) * share) - 1))

  defp us(nil), do: "null"
  defp us(ns), do: to_string(ns / 1000)

  # All threads of the VM, to the nanosecond; none of them ends while it is measured.
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

mesh = Bench.Mesh

{:ok, _} =
  Supervisor.start_link(
    [
      {Chinwag, name: mesh, node: "under-test", bind: "127.20.0.1:7946", event_buffer: 1_048_576}
    ],
    strategy: :one_for_one
  )

reader = spawn_link(fn -> Bench.Reader.run(mesh) end)
IO.puts(~s({"runtime":"Elixir #{System.version()}, OTP #{System.otp_release()}"}))

for line <- IO.stream() do
  case String.trim(line) do
    "hold" ->
      :ok = :sys.suspend(mesh)
      IO.puts("{}")

    "go" ->
      send(reader, {:command, "go"})
      :ok = :sys.resume(mesh)
      IO.puts("{}")

    command ->
      send(reader, {:command, command})
  end
end

System.halt(0)
