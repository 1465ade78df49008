using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.UnitTests.EventStore;

namespace Bsp.UnitTests.Ledger;

/// <summary>
/// vectors.json holds entries with their canonical bytes and hashes, made by another program: what was hashed once is hashed so for ever.
/// </summary>
public sealed class LedgerVectorTests
{
    private static readonly JsonObject Vectors = JsonNode.Parse(File.ReadAllBytes(Repository.Path("tests", "UnitTests", "Ledger",
        "vectors.json")))!.AsObject();

    public static TheoryData<int> Entries => [.. Enumerable.Range(0, Vectors["entries"]!.AsArray().Count)];

    [Theory]
    [MemberData(nameof(Entries))]
    public void Bytes_and_hash_are_those_of_the_other_program(int index)
    {
        var vector = Vectors["entries"]![index]!.AsObject();
        var entry = Read(vector);

        Encoding.UTF8.GetString(LedgerCanonical.Bytes(entry)).ShouldBe((string)vector["canonical_utf8"]!);
        LedgerCanonical.Hash(entry).ShouldBe((string)vector["hash"]!);
        entry.Hashed().ShouldBe(entry);
    }

    [Theory]
    [MemberData(nameof(Entries))]
    public void A_stored_entry_hashes_to_the_same(int index)
    {
        var entry = Read(Vectors["entries"]![index]!.AsObject());
        var body = JsonSerializer.SerializeToUtf8Bytes<object>(entry.ToEvent(), EventTypes.Json);

        var read = EventTypes.Read(EventTypes.NameOf(entry.ToEvent()), body).ShouldBeAssignableTo<LedgerEvent>()!.Entry;

        LedgerCanonical.Hash(read).ShouldBe(entry.Hash);
    }

    [Fact]
    public void The_chain_folds_to_the_head_and_its_root()
    {
        var entries = Vectors["entries"]!.AsArray().Select(vector => Read(vector!.AsObject())).ToList();
        var of4 = entries.Take(4).Aggregate(LedgerHead.Initial, (head, entry) => LedgerHead.Evolve(head, entry.ToEvent()));
        var of5 = entries.Skip(4).Aggregate(of4, (head, entry) => LedgerHead.Evolve(head, entry.ToEvent()));

        Convert.ToHexStringLower(of4.Tree.Root).ShouldBe((string)Vectors["merkle"]!["root"]!);
        Convert.ToHexStringLower(of5.Tree.Root).ShouldBe((string)Vectors["merkle"]!["root_of_5"]!);
        (of4.Size, of4.Hash, Money.Text(of4.Balance), Money.Text(of4.Held)).ShouldBe((4, entries[3].Hash, "99.987850", "12.137850"));
        of4.Id.ShouldBe(Uuid.Ledger(entries[0].OrganizationId, "USD", "2026-10"));
    }

    [Fact]
    public void The_path_of_the_third_entry_is_the_other_programs()
    {
        var hashes = Vectors["entries"]!.AsArray().Take(4).Select(vector => Convert.FromHexString((string)vector!["hash"]!)).ToList();
        var path = Vectors["merkle"]!["proof_of_entry_3"]!["path"]!.AsArray().Select(node => (string)node!).ToList();

        Merkle.Path(hashes, 2).Select(Convert.ToHexStringLower).ShouldBe(path);
        Merkle.Verify(hashes[2], 2, 4, Merkle.Path(hashes, 2), Merkle.Root(hashes)).ShouldBeTrue();
    }

    [Fact]
    public void The_product_makes_the_same_entries_of_the_same_postings()
    {
        var vectors = Vectors["entries"]!.AsArray().Select(vector => Read(vector!.AsObject())).ToList();
        var ids = new Queue<Guid>(vectors.Select(entry => entry.Id));
        var head = LedgerHead.New(vectors[0].OrganizationId, "USD");
        LedgerPage Page(DateTimeOffset now) => new(head, [], [], now, (_, _) => ids.Dequeue());

        var first = Page(vectors[1].CreatedAt);
        first.Post(new Credit(100m, "topup", new(Guid.Empty, "topup"), "pay_1", vectors[1].Description, vectors[1].Metadata));

        first.Entries.Select(entry => entry.Hash).ShouldBe([vectors[0].Hash, vectors[1].Hash]);
    }

    [Fact]
    public void The_vectors_are_those_of_the_facts()
    {
        var shared = Repository.Path("..", "shared", "data", "billing", "vectors.json");
        Assert.SkipUnless(File.Exists(shared), "The facts are not beside the checkout.");

        JsonNode.DeepEquals(JsonNode.Parse(File.ReadAllBytes(shared)), Vectors).ShouldBeTrue();
    }

    internal static LedgerEntry Read(JsonObject vector) => new(
        Guid.Parse((string)vector["organization_id"]!), (string)vector["currency"]!, (string)vector["month"]!, (long)vector["sequence"]!,
        Guid.Parse((string)vector["id"]!), (string)vector["type"]!, Amount(vector["amount"]), Amount(vector["balance_after"]),
            Amount(vector["held_after"]),
        (string?)vector["category"], (string?)vector["reference_id"], (string?)vector["description"],
            DateTimeOffset.Parse((string)vector["created_at"]!),
        vector["metadata"]!.AsObject().ToDictionary(pair => pair.Key, pair => (string)pair.Value!), (string)vector["previous_hash"]!,
            (string)vector["hash"]!);

    private static decimal Amount(JsonNode? text) => Money.TryParseSigned((string?)text, out var amount) ? amount
        : throw new FormatException((string?)text);
}
