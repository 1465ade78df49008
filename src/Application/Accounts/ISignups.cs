using Bsp.Application.Meta;

namespace Bsp.Application.Accounts;

/// <summary>A signup as whoever carries it on needs it, secrets opened.</summary>
/// <param name="Code">Null: it was exchanged.</param>
/// <param name="Token">The business's; null: not yet.</param>
/// <param name="Pin">Null: none was given or made.</param>
public sealed record OpenSignup(SignupView View, Guid OrganizationId, string? Code, string? Token, string? Pin, int Attempts)
{
    public MetaNumber Number => new(View.PhoneNumberId, View.WabaId, Token ?? "");
}

/// <summary>What a step came to.</summary>
/// <param name="Next">The step after it.</param>
public sealed record SignupProgress(SignupStep Done, string Next)
{
    /// <summary>The token that the code was exchanged for; the code is forgotten.</summary>
    public string? Token { get; init; }

    public string? Pin { get; init; }

    public Guid? AccountId { get; init; }

    public string? MetaBusinessId { get; init; }

    public bool? Coexistence { get; init; }
}

/// <param name="For">See <see cref="SignupView.WaitingFor"/>.</param>
/// <param name="Until">When it goes on by itself; null: not without somebody.</param>
public sealed record SignupWait(string For, string? Code, string Error, DateTimeOffset? Until);

/// <summary>Signups, and the rows of accounts that they make.</summary>
public interface ISignups
{
    /// <summary>A new one, or the one that is open for the number, with the new code and PIN.</summary>
    Task<Guid> BeginAsync(BeginSignup command, CancellationToken ct);

    /// <summary>False: there is none that could go on.</summary>
    Task<bool> ResumeAsync(ResumeSignup command, CancellationToken ct);

    Task<OpenSignup?> FindAsync(Guid organizationId, Guid id, CancellationToken ct);

    /// <summary>A step is over; false: somebody else has carried it on meanwhile.</summary>
    Task<bool> AdvanceAsync(OpenSignup signup, SignupProgress progress, CancellationToken ct);

    /// <summary>It waits; false: as above.</summary>
    Task<bool> WaitAsync(OpenSignup signup, SignupWait wait, CancellationToken ct);

    /// <summary>
    /// The account of the number, with the token: the organization's own of this phone_number_id, else the one of the same telephone number
    /// (it moved to another WABA and keeps its conversations), else a new one.
    /// </summary>
    /// <returns>Its id, and in words what was done.</returns>
    /// <exception cref="Domain.Common.Refusal"><c>plan.limit_reached</c></exception>
    Task<(Guid AccountId, string Done)> KeepAccountAsync(OpenSignup signup, NumberStanding standing, CancellationToken ct);

    /// <summary>The portfolio that owns the WABA, beside the account and, where the organization has none yet, as its own.</summary>
    Task KeepPortfolioAsync(OpenSignup signup, WabaFacts facts, CancellationToken ct);

    /// <summary>Counts a registration in; null: it may be made, else when there is room for another one.</summary>
    Task<DateTimeOffset?> CountRegistrationAsync(OpenSignup signup, CancellationToken ct);
}
