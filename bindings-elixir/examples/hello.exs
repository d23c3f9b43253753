{:ok, _} =
  Chinwag.start_link(name: Mesh, node: "ex", seeds: ["127.0.0.1:7946"], handle_signals: true)

:ok = Chinwag.subscribe(Mesh, :members, replay: true)

for event <- Stream.repeatedly(fn -> receive(do: ({:chinwag, Mesh, event} -> event)) end) do
  case event do
    {:member_join, m} -> IO.puts("here   #{m.name} #{m.addr}")
    {:member_leave, m} -> IO.puts("left   #{m.name}")
    {:member_failed, m} -> IO.puts("failed #{m.name}")
    _other -> :ok
  end
end
