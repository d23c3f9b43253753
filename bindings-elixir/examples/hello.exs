# A member that prints what happens to the others: `mix run examples/hello.exs [SEED]…`.

children = [{Chinwag, name: Hello.Mesh, seeds: System.argv()}]
{:ok, _supervisor} = Supervisor.start_link(children, strategy: :one_for_one)
:ok = Chinwag.subscribe(Hello.Mesh, :members, replay: true)

for _ <- Stream.cycle([:next]) do
  receive do
    {:chinwag, Hello.Mesh, {type, %Chinwag.Member{} = member}} ->
      IO.puts("#{type} #{member.name} #{member.addr}")

    {:chinwag, Hello.Mesh, other} ->
      IO.inspect(other)
  end
end
