using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.UnitTests.CustomerWebhooks;

/// <summary>What an owner of a cursor has written, of which a kill leaves whatever was written so far.</summary>
public sealed class DeliveryNotesTests
{
    // Whoever claims the cursor next looks for held keys only where the cursor says that there are some.
    [Fact]
    public void How_many_keys_are_held_is_true_from_the_first_write_on()
    {
        var claim = new ClaimedWebhook(null, Guid.NewGuid(), Guid.NewGuid(), "active", 1, 7, 1, 0, null, HeldKeys: 3, 1);
        var notes = new DeliveryNotes(claim);
        notes.Take().ShouldBeNull();
        notes.Note(b => b.Delivered++);
        var first = notes.Take().ShouldNotBeNull();
        (first.Held, first.Sequence).ShouldBe((3, 7));
        notes.Note(b => b.Held = 2);
        notes.Take()!.Held.ShouldBe(2);
        notes.Note(b => b.Failed++);
        notes.Take()!.Held.ShouldBe(2);
    }
}
