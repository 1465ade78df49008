using Bsp.Application.Auth;
using Bsp.Infrastructure.Auth;

namespace Bsp.UnitTests.Auth;

public sealed class PasswordsTests
{
    [Fact]
    public async Task Only_the_password_is_right_and_a_weaker_hash_is_outgrown()
    {
        var passwords = new Passwords(2_000);
        var hash = await passwords.HashAsync("correct horse battery", default);
        (await passwords.HashAsync("correct horse battery", default)).ShouldNotBe(hash);
        (await passwords.VerifyAsync(hash, "correct horse battery", default)).ShouldBe((true, false));
        (await passwords.VerifyAsync(hash, "Correct horse battery", default)).ShouldBe((false, false));
        (await new Passwords(3_000).VerifyAsync(hash, "correct horse battery", default)).ShouldBe((true, true));
        // 210,000 rounds stand in the hash
        Convert.FromBase64String(await new Passwords().HashAsync("x", default))[5..9].ShouldBe([0, 3, 0x34, 0x50]);
    }

    [Fact]
    public async Task Whoever_comes_when_too_many_wait_is_sent_away_and_the_others_are_served()
    {
        var passwords = new Passwords(waitingMax: 2);
        var inside = 3 * Math.Max(1, Environment.ProcessorCount / 2);
        var hashes = Enumerable.Range(0, inside + 20).Select(_ => passwords.HashAsync("correct horse battery", default)).ToList();
        var served = new List<string>();
        var busy = new List<PasswordsBusy>();
        foreach (var hash in hashes)
        {
            try
            {
                served.Add(await hash);
            }
            catch (PasswordsBusy many)
            {
                busy.Add(many);
            }
        }

        served.Count.ShouldBeGreaterThanOrEqualTo(inside);
        busy.ShouldNotBeEmpty();
        busy.ShouldAllBe(b => b.RetryAfter > TimeSpan.Zero);
        (await passwords.VerifyAsync(served[0], "correct horse battery", default)).Right.ShouldBeTrue(); // those sent away hold no place
    }

    [Fact]
    public async Task Nobody_has_no_right_password_and_the_decoy_has_the_hashers_own_form()
    {
        var passwords = new Passwords(2_000);
        (await passwords.VerifyAsync(null, "", default)).ShouldBe((false, false));
        (await passwords.VerifyAsync(null, "correct horse battery", default)).ShouldBe((false, false));
        var (real, decoy) =
            (Convert.FromBase64String(await passwords.HashAsync("x", default)), Convert.FromBase64String(Passwords.Decoy(2_000)));
        decoy.Length.ShouldBe(real.Length);
        decoy[..13].ShouldBe(real[..13]); // algorithm, rounds, length of the salt: the same work
    }
}
