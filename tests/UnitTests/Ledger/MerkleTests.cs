using System.Security.Cryptography;
using Bsp.Domain.Ledger;

namespace Bsp.UnitTests.Ledger;

public sealed class MerkleTests
{
    private static readonly List<byte[]> Hashes = [.. Enumerable.Range(0, 70).Select(i => SHA256.HashData([(byte)i]))];

    [Fact]
    public void The_frontier_has_the_root_of_the_whole_tree_at_every_size()
    {
        var frontier = MerkleFrontier.Empty;
        frontier.Root.ShouldBe(Merkle.Root([]));
        for (var size = 1; size <= Hashes.Count; size++)
        {
            frontier = MerkleFrontier.Of(frontier.Size, frontier.Peaks.Span).Append(Hashes[size - 1]);

            frontier.Size.ShouldBe(size);
            frontier.Root.ShouldBe(Merkle.Root([.. Hashes.Take(size)]));
        }
    }

    [Fact]
    public void Finished_subtrees_are_told_once_with_their_place()
    {
        var finished = new List<MerkleNode>();
        Hashes.Aggregate(MerkleFrontier.Empty, (tree, hash) => tree.Append(hash, finished.Add));

        finished.Count(node => node.Level == 3).ShouldBe(Hashes.Count / 8);
        foreach (var node in finished)
        {
            var leaves = 1 << node.Level;
            node.Hash.ShouldBe(Merkle.Root([.. Hashes.Skip((int)node.Index * leaves).Take(leaves)]));
        }
    }

    [Fact]
    public void Every_entry_of_every_tree_is_proven_and_no_other_is()
    {
        foreach (var size in new[] { 1, 2, 3, 7, 8, 11, 33, 70 })
        {
            List<byte[]> tree = [.. Hashes.Take(size)];
            var root = Merkle.Root(tree);
            for (var i = 0; i < size; i++)
            {
                var path = Merkle.Path(tree, i);
                Merkle.Verify(tree[i], i, size, path, root).ShouldBeTrue();
                Merkle.Verify(Hashes[(i + 1) % 70], i, size, path, root).ShouldBeFalse();
                Merkle.Verify(tree[i], i, size, [.. path, root], root).ShouldBeFalse();
                Merkle.Verify(tree[i], size, size, path, root).ShouldBeFalse();
                Merkle.Verify(tree[i], -1, size, path, root).ShouldBeFalse();
                if (size > 1)
                {
                    Merkle.Verify(tree[i], (i + 1) % size, size, path, root).ShouldBeFalse();
                    Merkle.Verify(tree[i], i, size, [.. path.Skip(1)], root).ShouldBeFalse();
                }
            }
        }
    }

    [Fact]
    public void A_frontier_that_does_not_fit_its_size_is_refused()
    {
        Should.Throw<ArgumentException>(() => MerkleFrontier.Of(3, new byte[32]));
        Should.Throw<ArgumentException>(() => MerkleFrontier.Of(-1, []));
    }
}
