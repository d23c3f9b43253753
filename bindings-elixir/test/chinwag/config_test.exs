defmodule Chinwag.ConfigTest do
  use Chinwag.Case, async: true

  setup do
    Process.flag(:trap_exit, true)
    :ok
  end

  defp refused(options) do
    assert {:error, %Error{} = error} = Chinwag.start_link([name: Refused] ++ options)
    assert Process.whereis(Refused) == nil
    error
  end

  test "an unknown option suggests the nearest" do
    error = refused(probe_intervall: 5)
    assert %{code: :bad_config, number: 1, retryable: false, attempts: []} = error
    assert error.message =~ ~s(did you mean "probe_interval"?)
    assert Exception.message(error) =~ "bad_config: unknown option"
  end

  test "a value of the wrong type is refused with its name and what is expected" do
    for {key, value, expected} <- [
          {:node, 5, "a string"},
          {:bind, 7946, "127.0.0.1:7946"},
          {:bind, "nowhere", "an IP address and port"},
          {:seeds, nil, "a list of strings"},
          {:seeds, [1], "a list of strings"},
          {:tags, %{"a" => 1}, "keyword list"},
          {:tags, ["novalue"], "keyword list"},
          {:meta, 1, "a binary"},
          {:probe_interval, -1, "milliseconds"},
          {:probe_interval, 1.5, "milliseconds"},
          {:probe_interval, 100_000_000, "at most a day"},
          {:insecure, :yes, "true or false"},
          {:indirect_checks, 65, "0 to 64"},
          {:indirect_checks, nil, "a whole number"},
          {:keys, "hunter2", "not base64"},
          {:keys, [:hunter2, {1}], "a list of strings"},
          {:cookie, {"hunter2"}, "a string"},
          {:cookie, "hunter2", "too short"},
          {:profile, :moon, "lan, wan, local"}
        ] do
      error = refused([{key, value}])
      assert error.code == :bad_config, inspect({key, value})
      assert error.message =~ ~s(option "#{key}"), error.message
      assert error.message =~ expected, error.message
      refute error.message =~ "hunter2", error.message
    end
  end

  test "what is shown of the options has no secret" do
    config = Chinwag.Config.new(name: Shown, cookie: "correct horse battery")
    refute inspect(config) =~ "horse"
  end

  test "every option of the table is known, by value and by text" do
    values = %{
      text: "x",
      addr: "127.0.0.1:0",
      list: [],
      map: [role: "web", zone: :a],
      bytes: <<255, 0>>,
      duration: 1_000,
      flag: false,
      count: 1_000,
      choice: :lan
    }

    key = "MDEyMzQ1Njc4OWFiY2RlZg=="
    folder = Path.join(System.tmp_dir!(), "chinwag-options-#{System.pid()}")
    File.mkdir_p!(folder)
    on_exit(fn -> File.rm_rf!(folder) end)
    file = Path.join(folder, "keys")
    File.write!(file, key)
    File.chmod!(file, 0o600)

    special = %{
      delegate_versions: "2,5,5",
      name: "n",
      indirect_checks: 1,
      gossip_nodes: 1,
      keys: [key],
      key_file: file,
      cookie: "correct horse battery",
      snapshot: Path.join(folder, "snapshot"),
      workers: Path.join(folder, "workers"),
      admission: :open,
      ring_profile: :pure,
      ring_replicas: 2,
      ring_history: 4,
      message_max: 65_536,
      outbox_bytes: 65_536,
      outbox_overflow: :drop_oldest
    }

    # These are good only together, or with others.
    tls = for option <- [:tls_cert, :tls_key, :tls_ca], do: {option, "TLS takes all three"}
    needy = Map.new([attach: "no member takes workers on"] ++ tls)

    for {option, why} <- needy do
      {:error, error} =
        Chinwag.start_link([{:name, Known}, {:bind, "127.0.0.1:0"}, {option, "x"}])

      assert error.message =~ why
    end

    for {option, kind} <- Chinwag.Constants.options(), not is_map_key(needy, option) do
      special = Map.put(special, :awareness_max_multiplier, 8)
      value = Map.get(special, option, values[kind])
      key = if option == :name, do: :node, else: option
      options = Keyword.merge([bind: "127.0.0.1:0"], [{key, value}])
      assert {:ok, _} = Chinwag.start_link([name: Known] ++ options), inspect({option, value})
      assert :ok = Chinwag.close(Known)
    end
  end

  test "text is read as in a configuration file" do
    options = [
      node: "texts",
      bind: "127.0.0.1:0",
      tags: "role=web,zone=a",
      probe_interval: "100ms",
      indirect_checks: "2",
      require_join: "false",
      event_buffer: "16"
    ]

    assert {:ok, _} = Chinwag.start_link([name: Texts] ++ options)
    assert Chinwag.local_member(Texts).tags == %{"role" => "web", "zone" => "a"}
    assert :ok = Chinwag.close(Texts)
  end

  test "options that contradict each other, or are too large" do
    assert refused(tags: [a: "b"], meta: "c").message =~ "exclude each other"
    assert refused(bind: "0.0.0.0:0").message =~ "insecure"
    assert %{code: :too_large} = refused(tags: %{"big" => String.duplicate("x", 600)})
    assert refused(node: "").message =~ ~s(option "node")
  end

  test "a name is required, and is an atom" do
    assert_raise ArgumentError, ~r/an atom such as MyApp.Mesh/, fn -> Chinwag.child_spec([]) end
    assert_raise ArgumentError, fn -> Chinwag.start_link(name: "mesh") end
    assert %{id: Mesh, restart: :permanent, shutdown: 10_000} = Chinwag.child_spec(name: Mesh)
    assert %{shutdown: 500} = Chinwag.child_spec(name: Mesh, shutdown: 500)
  end

  test "an address that is taken" do
    addr = address()
    assert {:ok, _} = Chinwag.start_link(name: Taken, bind: addr)
    error = refused(bind: addr)
    assert %{code: :bind_failed, retryable: true} = error
    assert error.message =~ addr
    assert :ok = Chinwag.close(Taken)
    assert {:ok, _} = Chinwag.start_link(name: Taken, bind: addr)
    assert :ok = Chinwag.close(Taken)
  end

  test "require_join fails the start and frees the port" do
    options = [seeds: ["127.0.0.1:1"], require_join: true, profile: :local]
    addr = address()
    error = refused([bind: addr] ++ options)
    assert %{code: :join_failed, attempts: [{"127.0.0.1:1", cause}]} = error
    assert cause =~ "refused"
    assert {:ok, _} = Chinwag.start_link(name: Freed, bind: addr)
    assert :ok = Chinwag.close(Freed)
  end

  test "being alone is success otherwise" do
    assert node!(Alone, seeds: ["127.0.0.1:1"])
    assert [%Member{name: "alone"}] = Chinwag.members(Alone)
  end
end
