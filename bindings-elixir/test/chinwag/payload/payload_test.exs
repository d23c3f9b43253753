defmodule Chinwag.PayloadTest do
  # The vectors of `tests/vectors/payloads`, whose README has their form, and Elixir's own terms.
  use ExUnit.Case, async: true
  doctest Chinwag.Payload

  alias Chinwag.{Error, Payload}

  @folder Path.expand("../../../../tests/vectors/payloads", __DIR__)
  @last 253_402_300_799

  defp lines(name) do
    for line <- @folder |> Path.join(name) |> File.read!() |> String.split("\n", trim: true),
        not String.starts_with?(line, "#"),
        do: String.split(line, " | ")
  end

  defp unhex(digits), do: digits |> String.replace("-", "") |> Base.decode16!(case: :lower)

  # The value of words, and the words behind it. What Elixir cannot hold is thrown.
  defp value([word | words]) do
    case String.split(word, ":") do
      ["nil"] -> {nil, words}
      ["true"] -> {true, words}
      ["false"] -> {false, words}
      ["int", digits] -> {String.to_integer(digits), words}
      ["float", bits] -> {float(unhex(bits)), words}
      ["text", text] -> {URI.decode(text), words}
      ["bytes", digits] -> {{:bytes, unhex(digits)}, words}
      ["list", count] -> Enum.map_reduce(times(count), words, fn _, words -> value(words) end)
      ["map", count] -> map(times(count), words)
      ["time", secs, nanos] -> {time(String.to_integer(secs), String.to_integer(nanos)), words}
    end
  end

  defp times(count), do: List.duplicate(nil, String.to_integer(count))

  defp map(times, words) do
    {pairs, words} =
      Enum.map_reduce(times, words, fn _, words ->
        {key, words} = value(words)
        {value, words} = value(words)
        {{key, value}, words}
      end)

    {Map.new(pairs), words}
  end

  defp float(<<float::float>>), do: float
  defp float(_nan_or_infinity), do: throw("a float of Erlang cannot hold")

  defp time(secs, nanos) when secs in -377_705_116_800..@last and rem(nanos, 1_000) == 0 do
    {unit, count} =
      cond do
        nanos == 0 -> {:second, secs}
        rem(nanos, 1_000_000) == 0 -> {:millisecond, secs * 1_000 + div(nanos, 1_000_000)}
        true -> {:microsecond, secs * 1_000_000 + div(nanos, 1_000)}
      end

    DateTime.from_unix!(count, unit)
  end

  defp time(_secs, _nanos), do: throw("a DateTime cannot hold")

  for name <- ~w(payloads.txt forms.txt) do
    test "the vectors of #{name}" do
      played =
        for [title, digits, text] <- lines(unquote(name)) do
          words = String.split(text, " ")

          case catch_throw_of(fn -> value(words) end) do
            {:thrown, message} ->
              assert {:error, %Error{code: :codec, message: told}} = Payload.decode(unhex(digits))
              assert told =~ message

            {:ok, {expected, []}} ->
              # Zeros differ in their sign, which equality does not see before OTP 27.
              assert inspect(Payload.decode!(unhex(digits))) == inspect(expected), title
              encoded = Payload.encode!(expected)
              assert inspect(Payload.decode!(encoded)) == inspect(expected), title

              # The order of a map's keys is Erlang's own.
              if not Enum.any?(words, &(&1 =~ ~r/^map:([2-9]|\d\d)/)),
                do: assert(encoded == unhex(digits) == (unquote(name) == "payloads.txt"), title)

              true
          end
        end

      assert Enum.count(played, &(&1 == true)) > 20
    end
  end

  defp catch_throw_of(call) do
    {:ok, call.()}
  catch
    message -> {:thrown, message}
  end

  test "what is no payload" do
    for [title, digits] <- lines("refused.txt") do
      assert {:error, %Error{code: :codec, message: message}} = Payload.decode(unhex(digits))
      assert message =~ " at $", title
      assert_raise Error, fn -> Payload.decode!(unhex(digits)) end
    end

    for given <- [nil, 5, ["a"], <<1::3>>, %{}, self()] do
      assert {:error, %Error{code: :bad_argument}} = Payload.decode(given)
    end
  end

  test "Elixir's own terms" do
    back = fn term -> Payload.decode!(Payload.encode!(term)) end
    assert back.([:a, Chinwag, nil, true]) == ["a", "Elixir.Chinwag", nil, true]
    assert back.({1, {}, {:ok, "x"}}) == [1, [], ["ok", "x"]]
    assert back.(%{a: 1, b: %{"c" => ~c"x"}}) == %{"a" => 1, "b" => %{"c" => [120]}}
    assert back.(x: 1) == [["x", 1]]
    assert back.({:bytes, <<255>>}) == {:bytes, <<255>>}
    assert back.({:bytes, "text"}) == {:bytes, "text"}
    assert back.({:bytes, <<0, 1>>, 2}) |> hd() == "bytes"
    assert back.(1.0) === 1.0
    assert back.(1) === 1
    large = Map.new(1..100, &{"k#{&1}", &1})
    assert back.(large) == large
    # A part of a larger binary, which a longer one shares.
    <<_, part::binary-size(3), _::binary>> = String.duplicate("abcdef", 100)
    assert back.(part) == "bcd"
  end

  test "points in time" do
    back = fn term -> Payload.decode!(Payload.encode!(term)) end

    for text <- ~w(1970-01-01T00:00:00Z 2026-11-22T12:30:59.123456Z 0000-02-29T23:59:59Z
                   -9999-01-01T00:00:00Z 9999-12-31T23:59:59.999999Z 1900-03-01T00:00:00.5Z
                   2000-02-29T00:00:00Z 2100-03-01T00:00:00Z 1969-12-31T23:59:59.999Z) do
      {:ok, time, 0} = DateTime.from_iso8601(text)
      assert DateTime.compare(back.(time), time) == :eq, text
      assert back.(time).time_zone == "Etc/UTC"
    end

    # Every day of some years, against the calendar itself.
    for year <- [-401, -4, 0, 1900, 1972, 2000, 2023], day <- 0..366//7 do
      date = Date.add(Date.new!(year, 1, 1), day)
      time = DateTime.new!(date, ~T[01:02:03])
      assert back.(time) == time
    end

    berlin = %{
      DateTime.from_unix!(0)
      | hour: 3,
        utc_offset: 3_600,
        std_offset: 7_200,
        time_zone: "Nowhere"
    }

    assert back.(berlin) == DateTime.from_unix!(0)
  end

  test "what has no encoding is refused with its place" do
    message = &refused/1
    seventy = Bitwise.bsl(1, 70) - 1
    items = %{"items" => [0, 1, 2, %{price: seventy}]}
    assert message.(items) == "no encoding for an integer of 70 bits at $.items[3].price"
    assert message.(Bitwise.bsl(1, 64)) == "no encoding for an integer of 65 bits at $"
    assert message.([-Bitwise.bsl(1, 63) - 1]) == "no encoding for an integer of 65 bits at $[0]"
    assert message.([-Bitwise.bsl(1, 64)]) == "no encoding for an integer of 65 bits at $[0]"
    assert message.(Bitwise.bsl(1, 3_000)) == "no encoding for an integer of 3001 bits at $"
    assert message.(%{a: [self()]}) == "no encoding for a pid at $.a[0]"
    assert message.([make_ref()]) == "no encoding for a ref at $[0]"
    assert message.([fn -> 1 end]) == "no encoding for a fun at $[0]"
    assert message.([<<1::3>>]) == "no encoding for bits that are no whole bytes at $[0]"
    assert message.([<<255>>]) =~ "a binary that is no UTF-8"
    assert message.(%{"a b" => <<255>>}) =~ ~s(at $["a b"])
    assert message.({:bytes, 5}) == "{:bytes, _} without a binary at $"
    assert message.([~D[2026-01-01]]) == "no encoding for a struct of Date at $[0]"
    assert message.(%{a: 1..2}) == "no encoding for a struct of Range at $.a"
    assert message.([~N[2026-01-01 00:00:00]]) =~ "a struct of NaiveDateTime"
    assert message.([[1 | 2]]) == "the end of a list that is no list at $[0][1]"
    assert message.([%{1 => 2}]) == "a key of a map that is no text, but 1, at $[0]"
    assert message.(%{a: %{nil => 2}}) == "a key of a map that is no text, but nil, at $.a"
    assert message.(%{<<255>> => 2}) =~ "no UTF-8"
    assert message.([%{:a => 1, "a" => 2}]) == ~s(the key "a" comes twice in a map at $[0])
    assert message.(%{__struct__: 5}) == "no encoding for a struct of no module at $"
    spoilt = %{DateTime.from_unix!(0) | year: 100_000, microsecond: nil}
    assert message.([spoilt]) =~ "no encoding for a DateTime"
    assert_raise Error, ~r/^codec: no encoding for a pid at \$/, fn -> Payload.encode!(self()) end
  end

  defp refused(term) do
    assert {:error, %Error{code: :codec, message: message}} = Payload.encode(term)
    message
  end

  test "depth, and size" do
    deep = Enum.reduce(1..63, [], fn _, inner -> [inner] end)
    assert Payload.decode!(Payload.encode!(deep)) == deep
    assert refused([deep]) =~ "more than 64 containers"
    # Each list holds the one before it twice: 2^60 texts.
    wide = Enum.reduce(1..60, String.duplicate("x", 1_000), fn _, inner -> [inner, inner] end)
    assert {:error, %Error{code: :too_large}} = Payload.encode(wide)

    assert {:error, %Error{code: :too_large}} =
             Payload.encode({:bytes, :binary.copy("x", 67_108_864)})
  end

  test "values that are left to a dirty scheduler are the same" do
    for count <- [8_100, 8_190, 8_191, 8_192, 8_193, 100_000] do
      list = List.duplicate(1, count)
      assert Payload.decode!(Payload.encode!(list)) == list
      text = String.duplicate("x", count)
      assert Payload.decode!(Payload.encode!(text)) == text
    end

    # What is wrong is told, wherever it is.
    assert refused([String.duplicate("x", 10_000), self()]) == "no encoding for a pid at $[1]"
    large = Map.new(1..20_000, &{"key #{&1}", {:bytes, <<&1::32>>}})
    assert Payload.decode!(Payload.encode!(large)) == large
  end

  test "no atom is made" do
    name = "an atom that nobody has made #{System.unique_integer([:positive])}"
    assert Payload.decode!(Payload.encode!(%{name => name})) == %{name => name}
    assert_raise ArgumentError, fn -> String.to_existing_atom(name) end
  end
end
