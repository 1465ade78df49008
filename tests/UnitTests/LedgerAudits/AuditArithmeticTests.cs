using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.LedgerAudits.Runs;
using Bsp.Infrastructure.LedgerHeads;

namespace Bsp.UnitTests.LedgerAudits;

/// <summary>What an audit does by hand, beside what the ledger does with decimals, records and JSON.</summary>
public sealed class AuditArithmeticTests
{
    private static readonly JsonSerializerOptions Stored = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    [Theory]
    [InlineData("0.000000", 0)]
    [InlineData("12.340000", 12_340_000)]
    [InlineData("-0.000001", -1)]
    [InlineData("999999999999.999999", 999_999_999_999_999_999)]
    public void An_amount_is_read_in_the_form_that_is_hashed(string text, long micros)
    {
        Micros.TryMoney(Encoding.ASCII.GetBytes(text), out var read).ShouldBeTrue();
        read.ShouldBe(micros);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1.0")]
    [InlineData("01.000000")]
    [InlineData("+1.000000")]
    [InlineData("-0.000000")]
    [InlineData("1.0000000")]
    [InlineData("1e3.00000")]
    [InlineData("1.00000 ")]
    [InlineData(".000001")]
    [InlineData("1000000000000.000000")]
    public void Another_spelling_is_none(string text) => Micros.TryMoney(Encoding.ASCII.GetBytes(text), out _).ShouldBeFalse();

    // As PostgreSQL sends numeric: digits in groups of four, the weight of the first, sign, scale.
    [Theory]
    [InlineData(0, new short[0], 0, 0)]
    [InlineData(0, new short[] { 12, 3400 }, 0, 12_340_000)]
    [InlineData(-2, new short[] { 100 }, 0, 1)]
    [InlineData(-1, new short[] { 121, 5000 }, 0x4000, -12_150)]
    [InlineData(2, new short[] { 9999, 9999, 9999, 9999, 9900 }, 0, 999_999_999_999_999_999)]
    public void A_numeric_is_read_from_its_binary_form(short weight, short[] digits, int sign, long micros)
    {
        var binary = new byte[8 + (2 * digits.Length)];
        BinaryPrimitives.WriteInt16BigEndian(binary, (short)digits.Length);
        BinaryPrimitives.WriteInt16BigEndian(binary.AsSpan(2), weight);
        BinaryPrimitives.WriteUInt16BigEndian(binary.AsSpan(4), (ushort)sign);
        for (var i = 0; i < digits.Length; i++)
        {
            BinaryPrimitives.WriteInt16BigEndian(binary.AsSpan(8 + (2 * i)), digits[i]);
        }

        Micros.TryNumeric(binary, out var read).ShouldBeTrue();
        read.ShouldBe(micros);
    }

    [Fact]
    public void NaN_and_a_seventh_place_are_no_amounts()
    {
        Micros.TryNumeric([0, 0, 0, 0, 0xC0, 0, 0, 0], out _).ShouldBeFalse();
        Micros.TryNumeric([0, 1, 0xFF, 0xFE, 0, 0, 0, 7, 0, 10], out _).ShouldBeFalse();
    }

    [Fact]
    public void A_time_is_read_to_the_millisecond_and_nothing_else_is()
    {
        Micros.TryTime("2026-10-01T09:00:00.120Z"u8, out var micros).ShouldBeTrue();
        Micros.Time(micros).ShouldBe(new(2026, 10, 1, 9, 0, 0, 120, TimeSpan.Zero));
        foreach (var text in new[] { "2026-10-01T09:00:00Z", "2026-13-01T09:00:00.120Z", "2026-02-30T09:00:00.120Z",
            "2026-10-01T24:00:00.120Z", "2026-10-01T09:00:00.12aZ", "2026-10-01 09:00:00.120Z" })
        {
            Micros.TryTime(Encoding.ASCII.GetBytes(text), out _).ShouldBeFalse(text);
        }
    }

    [Fact]
    public void An_entrys_bytes_and_hash_are_those_of_the_ledger_whatever_text_is_in_it()
    {
        using var bytes = new EntryBytes();
        var entry = new LedgerEntry(Guid.Parse("0198c0de-0000-7000-8000-00000000000a"), "USD", "2026-10", 7, Uuid.New(),
            EntryTypes.Debit, 0.0135m, -12.34m, 0.000001m, EntryCategories.Message,
            "message/1", "شحن, \"10%\" 💳\nline 2", new(2026, 10, 1, 9, 0, 0, 120, TimeSpan.Zero),
            new Dictionary<string, string> { ["market"] = "Côte d'Ivoire", ["a"] = "", ["zz"] = "\t\\", ["pricing_category"] =
                "marketing" }, new('a', 64), "").Hashed();

        bytes.Read(Body(entry)).ShouldBeNull();

        bytes.HashHolds().ShouldBeTrue();
        bytes.Canonical.ToArray().ShouldBe(LedgerCanonical.Bytes(entry));
        var values = default(EntryValues);
        values.Read(bytes).ShouldBeTrue();
        (values.Kind, values.Amount, values.Balance, values.Held, values.Change, values.Id)
            .ShouldBe((EntryKind.Debit, 13_500, -12_340_000, 1, -13_500, entry.Id));
        bytes.Read(Body(entry with { Hash = new string('a', 63) + "B" })).ShouldNotBeNull();
        bytes.Read(Body(entry with { Description = "other" })).ShouldBeNull();
        bytes.HashHolds().ShouldBeFalse();
        bytes.Read("{\"entry\": {}}"u8).ShouldNotBeNull();
        bytes.Read("{\"entry\": 1}"u8).ShouldNotBeNull();
        bytes.Read("{}"u8).ShouldNotBeNull();
        bytes.Read("[]"u8).ShouldNotBeNull();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(100)]
    public void A_tree_of_runs_has_the_root_and_the_frontier_of_the_ledgers_tree(int size)
    {
        var hashes = Enumerable.Range(0, size).Select(i => SHA256.HashData(BitConverter.GetBytes(i))).ToList();
        var (whole, frontier) = (new MerkleFold(), MerkleFrontier.Empty);
        foreach (var run in hashes.Chunk(8))
        {
            var part = new MerkleFold();
            foreach (var hash in run)
            {
                part.AddEntry(hash);
                frontier = frontier.Append(hash);
            }

            foreach (var (node, level) in part.Complete())
            {
                whole.AddNode(node, level);
            }
        }

        whole.Root().ShouldBe(Merkle.Root(hashes));
        whole.Complete().SelectMany(c => c.Node).ShouldBe(frontier.Peaks.ToArray());
        var days = new WholeTree([.. hashes.Select(h => Merkle.Leaf(h))]);
        days.Root.ShouldBe(Merkle.Root(hashes));
        for (var place = 0; place < size; place++)
        {
            Merkle.Verify(hashes[place], place, size, days.Path(place), days.Root).ShouldBeTrue($"{place} of {size}");
        }
    }

    private static byte[] Body(LedgerEntry entry) => JsonSerializer.SerializeToUtf8Bytes(new { entry }, Stored);
}
