defmodule Chinwag.SerfTest do
  use Chinwag.Case, async: true

  # Bytes that are no text.
  @odd <<255, 0, 0xC3, 0x28, 0>>
  @serf [delegate_versions: "2,5,5", tcp_timeout: 10_000]
  # Far above what any of these takes: who waits that long has failed.
  @long 20_000

  defp names(test, names), do: for(name <- names, do: Module.concat([__MODULE__, test, name]))

  defp two!(test, options \\ []) do
    [a, b] = names(test, [A, B])
    pair!(a, b, options ++ @serf)
    eventually(fn -> length(Chinwag.members(b)) == 2 end)
    {a, b}
  end

  defp code({:error, %Error{code: code}}), do: code

  # A process that answers each query with what `answer` makes of it.
  defp answering!(mesh, answer) do
    test = self()

    pid =
      spawn_link(fn ->
        :ok = Chinwag.subscribe(mesh)
        send(test, {:answering, self()})
        answer_all(mesh, answer, test)
      end)

    assert_receive {:answering, ^pid}
  end

  defp answer_all(mesh, answer, test) do
    receive do
      {:chinwag, ^mesh, {:query, query}} ->
        send(test, {:asked, mesh, query})
        :ok = Chinwag.respond(mesh, query.id, answer.(query))

      _other ->
        :ok
    end

    answer_all(mesh, answer, test)
  end

  test "a user event is told to everybody, here too, and to who joins later" do
    {a, b} = two!(Events)
    :ok = Chinwag.subscribe(a)
    :ok = Chinwag.subscribe(b)
    assert :ok = Chinwag.user_event(a, "deploy", @odd)

    for mesh <- [a, b] do
      assert_receive {:chinwag, ^mesh, {:user_event, %{name: "deploy"} = event}}
      assert %{payload: @odd, ltime: ltime, coalesce: false} = event
      assert is_integer(ltime) and ltime > 0
      assert map_size(event) == 4
    end

    assert :ok = Chinwag.user_event!(b, "load", ["0", ?., "7"], coalesce: true)
    assert_receive {:chinwag, ^a, {:user_event, %{name: "load", payload: "0.7", coalesce: true}}}
    assert :ok = Chinwag.user_event(b, "bare")
    assert_receive {:chinwag, ^a, {:user_event, %{name: "bare", payload: ""}}}

    [late] = names(Events, [Late])
    # Without a seed: it has nothing to tell before it is subscribed to.
    node!(late, @serf)
    :ok = Chinwag.subscribe(late)
    assert {:ok, 1} = Chinwag.join(late, [addr(a)])
    assert_receive {:chinwag, ^late, {:user_event, %{name: "deploy", payload: @odd}}}
  end

  test "a query is answered by another node" do
    {a, b} = two!(Queries)
    answering!(b, fn %{name: name, payload: payload} -> ["to ", name, ": ", payload] end)
    options = [nodes: ["b"], ack: true, timeout: @long]
    assert {:ok, answers} = Chinwag.query(a, "uptime", @odd, options)
    payload = "to uptime: " <> @odd
    responses = [%{sender: "b", payload: payload}]
    assert answers == %{acks: ["b"], responses: responses, complete: true}
    assert_receive {:asked, ^b, query}
    assert %{sender: "a", name: "uptime", payload: @odd, id: id, timeout: @long} = query
    assert is_integer(id) and id > 0
    # Once, and no more.
    assert code(Chinwag.respond(b, id, "again")) == :timeout

    # Whoever asks may answer too.
    answering!(a, fn _query -> @odd end)
    options = [relay_factor: 1, timeout: @long]
    assert %{acks: [], responses: both, complete: true} = Chinwag.query!(b, "who", [], options)
    assert both |> Enum.map(& &1.sender) |> Enum.sort() == ["a", "b"]
    assert @odd in Enum.map(both, & &1.payload)
  end

  test "who is meant is told by names and tags" do
    [a, b] = names(Filters, [A, B])
    seed = node!(a, [tags: [role: "web", zone: "a"]] ++ @serf)
    node!(b, [seeds: [seed], tags: [role: "worker"]] ++ @serf)
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    for mesh <- [a, b], do: answering!(mesh, fn _query -> "" end)

    asked = fn options ->
      told = Chinwag.query!(a, "who", "", [timeout: @long] ++ options)
      assert told.complete
      told.responses |> Enum.map(& &1.sender) |> Enum.sort()
    end

    assert asked.([]) == ["a", "b"]
    assert asked.(nodes: ["b"]) == ["b"]
    assert asked.(tags: [role: "^w"]) == ["a", "b"]
    assert asked.(tags: %{"role" => "^web$", zone: "[a-c]"}) == ["a"]
    assert asked.(nodes: ["b"], tags: [role: "^work", zone: "^$"]) == ["b"]
  end

  test "a query that nobody answers is over in time" do
    {a, _b} = two!(Unanswered)
    told = %{acks: [], responses: [], complete: false}
    assert Chinwag.query(a, "anybody", "", timeout: 100) == {:ok, told}
    # By itself, too.
    assert {:ok, %{responses: [], complete: false}} = Chinwag.query(a, "anybody")
    assert code(Chinwag.respond(a, 1_099_511_627_776, "x")) == :timeout
    assert_raise Error, ~r/^timeout: /, fn -> Chinwag.respond!(a, 1_099_511_627_776) end
  end

  test "who has failed is made to leave, and forgotten" do
    {a, b} = two!(Force, shutdown: :brutal_kill)
    :ok = Chinwag.subscribe(a)
    assert code(Chinwag.force_leave(a, "b")) == :bad_argument
    :ok = stop_supervised(b)
    assert_receive {:chinwag, ^a, {:member_failed, %{name: "b"}}}, @long
    assert :ok = Chinwag.force_leave(a, "b")
    assert_receive {:chinwag, ^a, {:member_leave, %{name: "b", state: :left}}}
    assert %{state: :left} = Chinwag.member(a, "b")
    assert :ok = Chinwag.force_leave!(a, "b", prune: true)
    assert_receive {:chinwag, ^a, {:member_reap, %{name: "b"}}}
    assert Chinwag.member(a, "b") == nil
  end

  test "members have a place, and a distance" do
    {a, b} = two!(Places)
    assert code(Chinwag.rtt(a, "a", "nobody")) == :unknown_member
    assert_raise Error, ~r/^unknown_member: /, fn -> Chinwag.rtt!(a, "nobody", "a") end

    there =
      eventually(fn -> match?({:ok, _}, Chinwag.rtt(a, "a", "b")) && Chinwag.rtt!(a, "a", "b") end)

    assert is_float(there) and there > 0 and there < 30_000
    assert {:ok, %{vec: vec, error: error, height: height} = place} = Chinwag.coordinate(a)
    assert length(vec) == 8 and Enum.all?(vec, &is_float/1)
    assert is_float(error) and is_float(height) and is_float(place.adjustment)
    assert map_size(place) == 4
    assert Chinwag.coordinate!(b).height > 0
  end

  test "what cannot be said is refused" do
    {a, _b} = two!(Misuse)
    large = :binary.copy("x", 9_217)

    for outcome <- [
          Chinwag.user_event(a, "large", large),
          Chinwag.query(a, "large", large),
          Chinwag.query(a, large)
        ] do
      assert code(outcome) == :too_large
    end

    for outcome <- [
          Chinwag.user_event(a, nil, "x"),
          Chinwag.user_event(a, <<255>>, "x"),
          Chinwag.user_event(a, "n", 5),
          Chinwag.user_event(a, "n", "x", coalesce: :perhaps),
          Chinwag.query(a, 5),
          Chinwag.query(a, "n", %{}),
          Chinwag.query(a, "n", "", nodes: "b"),
          Chinwag.query(a, "n", "", nodes: [5]),
          Chinwag.query(a, "n", "", nodes: nil),
          Chinwag.query(a, "n", "", tags: ["role"]),
          Chinwag.query(a, "n", "", tags: [role: 5]),
          Chinwag.query(a, "n", "", tags: [role: "("]),
          Chinwag.query(a, "n", "", ack: nil),
          Chinwag.query(a, "n", "", relay_factor: 256),
          Chinwag.query(a, "n", "", relay_factor: -1),
          Chinwag.query(a, "n", "", timeout: -1),
          Chinwag.query(a, "n", "", timeout: :infinity),
          Chinwag.respond(a, "1"),
          Chinwag.respond(a, -1, "x"),
          Chinwag.respond(a, 1, :x),
          Chinwag.force_leave(a, 5),
          Chinwag.force_leave(a, "nobody", prune: "yes"),
          Chinwag.rtt(a, nil, "a"),
          Chinwag.rtt(a, "a", 5)
        ] do
      assert code(outcome) == :bad_argument
    end

    assert_raise ArgumentError, fn -> Chinwag.query(a, "n", "", acks: true) end
    assert_raise ArgumentError, fn -> Chinwag.user_event(a, "n", "", coalesced: true) end
    assert_raise ArgumentError, fn -> Chinwag.force_leave(a, "b", forget: true) end
    assert_raise Error, fn -> Chinwag.user_event!(a, "large", large) end
    assert_raise Error, fn -> Chinwag.query!(a, "n", "", tags: [role: "("]) end
    assert_raise Error, fn -> Chinwag.force_leave!(a, "b") end
  end

  defp everything(mesh) do
    [
      Chinwag.user_event(mesh, "n"),
      Chinwag.query(mesh, "n"),
      Chinwag.respond(mesh, 1),
      Chinwag.force_leave(mesh, "nobody"),
      Chinwag.coordinate(mesh),
      Chinwag.rtt(mesh, "a", "b")
    ]
  end

  test "without serf's versions, and without a node" do
    [alone, nobody, speaker] = names(Without, [Alone, Nobody, Speaker])
    node!(alone)
    for outcome <- everything(alone), do: assert(code(outcome) == :unsupported)
    for outcome <- everything(nobody), do: assert(code(outcome) == :closed)

    assert_raise Error, ~r/^unsupported: .*delegate_versions/, fn ->
      Chinwag.coordinate!(alone)
    end

    # They are taken over from the first cluster that is joined.
    assert {:ok, 1} = Chinwag.join(alone, [node!(speaker, @serf)])
    assert :ok = Chinwag.user_event(alone, "n")
  end
end
