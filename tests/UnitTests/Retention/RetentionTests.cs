using System.Text;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Retention;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Retention;

namespace Bsp.UnitTests.Retention;

public sealed class RetentionTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];

    [Theory]
    [InlineData(90, 7, 30, null)]
    [InlineData(730, 30, 90, null)]
    [InlineData(null, null, null, null)]
    [InlineData(89, 7, 30, "retention.below_minimum")]
    [InlineData(730, 6, 90, "retention.below_minimum")]
    [InlineData(730, 30, 0, "retention.below_minimum")]
    [InlineData(-1, 30, 90, "retention.below_minimum")]
    [InlineData(731, 30, 90, "retention.above_maximum")]
    [InlineData(730, 31, 90, "retention.above_maximum")]
    [InlineData(730, 30, int.MaxValue, "retention.above_maximum")]
    public void A_policy_lies_between_the_legal_minimum_and_the_specifications_time(int? messages, int? logs, int? ai, string? code)
    {
        var patch = new PatchRetentionPolicy(Guid.NewGuid(), messages, logs, ai, null);
        if (code is null)
        {
            patch.Require();
            return;
        }

        Should.Throw<RefusedFields>(patch.Require).ShouldSatisfyAllConditions(
            r => r.Code.ShouldBe(code), r => r.Errors.Count.ShouldBe(1));
    }

    [Fact]
    public async Task What_is_put_into_an_archive_comes_out_and_of_one_that_was_changed_nothing_does()
    {
        using var archive = new MemoryStream();
        ArchivedDocument[] first = [Document('C', "{\"a\": 1}"), Document('M', "{\"text\": \"première\\nligne\"}")];
        ArchivedDocument[] second = [Document('M', new string('x', 300_000))];
        PiecePlace[] places;
        using (var writer = new ArchiveWriter(archive))
        {
            places = [writer.Add(Guid.Empty, Key, first), writer.Add(Guid.AllBitsSet, Key, second)];
        }

        using var reader = new ArchiveReader();
        archive.Position = 0;
        var pieces = new List<(Guid KeyId, byte[] Sealed)>();
        await foreach (var piece in ArchiveReader.PiecesAsync(archive, TestContext.Current.CancellationToken))
        {
            pieces.Add(piece);
        }

        pieces.Select(p => p.KeyId).ShouldBe([Guid.Empty, Guid.AllBitsSet]);
        Texts(reader.Open(Key, pieces[0].Sealed)).ShouldBe(Texts(first));
        Texts(reader.Open(Key, pieces[1].Sealed)).ShouldBe(Texts(second));
        archive.Position = places[1].StartsAt;
        (await ArchiveReader.PieceAsync(archive, TestContext.Current.CancellationToken))!.Value.Sealed.ShouldBe(pieces[1].Sealed);
        Should.Throw<ArchiveFault>(() => reader.Open([.. Key.Reverse()], pieces[0].Sealed));
        pieces[0].Sealed[^1] ^= 1;
        Should.Throw<ArchiveFault>(() => reader.Open(Key, pieces[0].Sealed));
        archive.SetLength(archive.Length - 1);
        archive.Position = places[1].StartsAt;
        await Should.ThrowAsync<ArchiveFault>(ArchiveReader.PieceAsync(archive, TestContext.Current.CancellationToken));
        archive.Position = 3;
        await Should.ThrowAsync<ArchiveFault>(async () =>
        {
            await foreach (var _ in ArchiveReader.PiecesAsync(archive, TestContext.Current.CancellationToken))
            {
            }
        });
    }

    [Fact]
    public void Of_an_AI_history_nothing_is_archived_that_anybody_said_or_can_be_told_by()
    {
        var (contact, conversation) = (Guid.NewGuid(), Guid.NewGuid());
        var left = Encoding.UTF8.GetString(AnonymousAi.Of(new()
        {
            Id = DocumentId.Of(conversation), Uuid = conversation, OrganizationId = Guid.NewGuid(), ContactId = contact,
            ConversationId = DocumentId.Of(conversation), Model = "m-1", SystemPrompt = "Be kind to Asha.",
            Messages =
                [new("user", "I am Asha, +4915112345678", DateTimeOffset.UnixEpoch, 7, 0), new("assistant", "Hello", default, 3, 40)],
            Context = new(JsonSerializer.SerializeToElement(new { name = "Asha" }), "Asha asks",
                [JsonSerializer.SerializeToElement(new { action = "reply", intent = "greeting", note = "Asha" })]),
            TotalTokens = 10, TotalCost = 0.5m, CreatedAt = DateTimeOffset.UnixEpoch, UpdatedAt = DateTimeOffset.UnixEpoch, Position = 1,
        }).Write());

        left.ShouldNotContain("Asha");
        left.ShouldNotContain("4915112345678");
        left.ShouldNotContain(contact.ToString());
        left.ShouldNotContain(conversation.ToString());
        JsonDocument.Parse(left).RootElement.GetProperty("actions")[0].GetProperty("intent").GetString().ShouldBe("greeting");
    }

    [Fact]
    public void A_content_that_was_taken_out_says_so() =>
        (new Sealed(Guid.NewGuid(), "").IsRetired, new Sealed(Guid.NewGuid(), "AA==").IsRetired).ShouldBe((true, false));

    private static ArchivedDocument Document(char kind, string json) => new(kind, Encoding.UTF8.GetBytes(json));

    private static List<string> Texts(IEnumerable<ArchivedDocument> documents) =>
        [.. documents.Select(d => d.Kind + Encoding.UTF8.GetString(d.Json.Span))];
}
