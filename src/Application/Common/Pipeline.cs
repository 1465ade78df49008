using FluentValidation;
using MediatR;

namespace Bsp.Application.Common;

/// <summary>Refuses a malformed request before its handler sees it.</summary>
/// <exception cref="ValidationException">One failure a fault, property names in snake_case.</exception>
public sealed class ValidationBehavior<TRequest, TResponse>(IEnumerable<IValidator<TRequest>> validators)
    : IPipelineBehavior<TRequest, TResponse>
{
    public async Task<TResponse> Handle(TRequest request, CancellationToken cancellationToken, RequestHandlerDelegate<TResponse> next)
    {
        if (KeptRequest<TRequest>.Faults(request).ToList() is { Count: > 0 } faults)
        {
            throw new ValidationException(faults);
        }

        foreach (var validator in validators)
        {
            await validator.ValidateAndThrowAsync(request, cancellationToken);
        }

        return await next();
    }
}

/// <summary>
/// Skips a command whose work an earlier request with the same Idempotency-Key has committed. One POST carries at most one command.
/// </summary>
public sealed class SkipDoneWorkBehavior<TRequest, TResponse> : IPipelineBehavior<TRequest, TResponse>
{
    public Task<TResponse> Handle(TRequest request, CancellationToken cancellationToken, RequestHandlerDelegate<TResponse> next) =>
        request is ICommand && CurrentRequest.Value?.Claim is { WorkDone: true } claim
            ? Task.FromResult((TResponse)(object)new Done(request is ICommandOn on ? on.Id : claim.ResourceId, 0))
            : next();
}
