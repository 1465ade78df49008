using System.Security.Cryptography;
using Bsp.Infrastructure.Media;

namespace Bsp.UnitTests.Media;

public sealed class SealedChunksTests
{
    private static readonly byte[] Key = SHA256.HashData("a key"u8);

    [Theory]
    [InlineData(1)]
    [InlineData(65_535)]
    [InlineData(65_536)]
    [InlineData(65_537)]
    [InlineData(300_000)]
    public async Task What_is_sealed_is_opened_again_whole_and_from_any_byte(int length)
    {
        var plain = RandomNumberGenerator.GetBytes(length);
        var closed = await SealedAsync(plain);
        closed.Length.ShouldBe((int)SealedChunks.SealedLength(length));
        (await SealedAsync(plain)).ShouldBe(closed); // the same again: an upload may be repeated
        (await OpenedAsync(closed, length, 0)).ShouldBe(plain);
        foreach (var from in new[] { length / 2, length - 1, Math.Max(0, length - 65_537), Math.Min(length - 1, 65_536) })
        {
            (await OpenedAsync(closed, length, from)).ShouldBe(plain[from..]);
        }
    }

    [Fact]
    public async Task Pieces_that_are_changed_swapped_or_missing_are_not_opened()
    {
        var plain = RandomNumberGenerator.GetBytes(150_000);
        var closed = await SealedAsync(plain);
        var piece = SealedChunks.SealedBytes;
        byte[] changed = [.. closed];
        changed[70_000] ^= 1;
        byte[] swapped = [.. closed[piece..(2 * piece)], .. closed[..piece], .. closed[(2 * piece)..]];
        foreach (var (bad, length) in new[] { (changed, 150_000), (swapped, 150_000), (closed[..(2 * piece)], 150_000),
            (closed[..(2 * piece)], 2 * SealedChunks.PlainBytes) })
        {
            await Should.ThrowAsync<InvalidDataException>(() => OpenedAsync(bad, length, 0));
        }
    }

    private static async Task<byte[]> SealedAsync(byte[] plain)
    {
        await using var stream = new SealingStream(new MemoryStream(plain), Key);
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, 10_000);
        return all.ToArray();
    }

    private static async Task<byte[]> OpenedAsync(byte[] closed, int length, int from)
    {
        await using var stream = new OpeningStream((offset, _) =>
            Task.FromResult<Stream>(new MemoryStream(closed[(int)Math.Min(offset, closed.Length)..])), Key, length);
        stream.Position = from;
        using var all = new MemoryStream();
        await stream.CopyToAsync(all, 7_777);
        return all.ToArray();
    }
}
